"""Cases in which every sequence is right: exact, and sound on weights made to deceive."""

from __future__ import annotations

import itertools
from dataclasses import replace

import equinox as eqx
import numpy as np
import pytest

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.additive import additive_tables, label_terms
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.max_of_k.screens import universal
from probbound.tasks.max_of_k.screens.cases import Cases
from probbound.tasks.max_of_k.screens.universal import (
    CaseCheck,
    cubic_flops,
    cubic_left,
    setup_flops,
)
from tests.exact import ExactModel
from tests.factories import (
    all_sequences,
    copying_model,
    one_head_margins,
    perfect_model,
    random_model,
    slow_wrong,
    trained_model,
)

MODELS = {
    "random": lambda: random_model(3),
    "biases": lambda: random_model(4, biases=True, d_vocab_out=8),
    "copying": lambda: copying_model(0),
    "another": lambda: copying_model(1, d_vocab=7, n_ctx=4),
    "trained": lambda: trained_model(0),
    "one position": lambda: random_model(6, n_ctx=1, d_vocab=30),
    "two positions": lambda: copying_model(7, n_ctx=2),
    "one token": lambda: random_model(8, d_vocab=1),
    "two tokens": lambda: random_model(9, d_vocab=2, n_ctx=4),
    "perfect": lambda: perfect_model(5, 3),
    "planted": lambda: planted_max_of_k(9, 3, 16, seed=1),
}


def every_case(model: Transformer, gap: int = 1) -> np.ndarray:
    cases = Cases(model.d_vocab, model.n_ctx, gap)
    return cases.at(np.arange(cases.number))


def members(model: Transformer, query: int, label: int, gap: int) -> np.ndarray:
    """Every sequence of a case, from its definition."""
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    free = tokens[:, :-1]
    kept = (tokens[:, -1] == query) & (tokens.max(axis=1) == label)
    return tokens[kept & ((free == label) | (free <= label - gap)).all(axis=1)]


def true_share(model: Transformer, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """Of every case: whether the least margin of its sequences is positive, and that margin."""
    tokens, margins = one_head_margins(model)
    of = {tuple(x): margin for x, margin in zip(tokens.tolist(), margins, strict=True)}
    least = np.array(
        [
            min(of[tuple(x)] for x in members(model, q, m, gap).tolist())
            for q, m in every_case(model, gap)
        ]
    )
    return least > 0, least


@pytest.mark.parametrize("gap", [1, 2, 3])
@pytest.mark.parametrize("name", MODELS)
def test_a_case_is_certified_exactly_if_all_of_its_sequences_are_right(name, gap):
    model = MODELS[name]()
    right, least = true_share(model, gap)
    left = CaseCheck.of(model).left(every_case(model, gap), gap)
    assert np.abs(least).min() > 1e-6, "a tie would make this test say nothing"
    assert np.array_equal(~left, right)


def test_the_models_above_have_cases_of_both_kinds():
    shares = {name: true_share(made(), 1)[0].mean() for name, made in MODELS.items()}
    assert any(0 < share < 1 for share in shares.values())
    assert {share for name, share in shares.items() if name == "perfect"} == {1.0}


def test_the_worst_sums_are_those_of_two_hundred_digits():
    model = random_model(11, d_vocab=4, n_ctx=3, biases=True)
    logits = ExactModel(model).all_logits()
    check = CaseCheck.of(model)
    for query, label in every_case(model).tolist():
        worst = max(
            max(logits[x][j] for j in range(4) if j != label) - logits[x][label]
            for x in itertools.product(range(4), repeat=3)
            if x[-1] == query and max(x) == label
        )
        assert check.look(query, label).right == (worst < 0)


@pytest.mark.parametrize("first", [1, 5, 64])
def test_the_number_of_tokens_taken_at_once_never_changes_the_answer(first, monkeypatch):
    model = planted_max_of_k(60, 4, 64, seed=3, steepness=60.0)
    cases = every_case(model)[::7]
    whole = CaseCheck.of(model).looks(cases)
    monkeypatch.setattr(universal, "FIRST_TOKENS", first)
    found = CaseCheck.of(model).looks(cases)
    assert [look.right for look in found] == [look.right for look in whole]
    assert 0 < sum(look.right for look in found) < len(cases)
    if first == 1:
        assert any(
            look.right and look.rows < label for look, (_, label) in zip(found, cases, strict=True)
        )


def spiked(model: Transformer, weight: str, place: tuple[int, ...], size: float) -> Transformer:
    """One weight is raised."""
    changed = np.array(getattr(model, weight))
    changed[place] += size
    return eqx.tree_at(lambda m: getattr(m, weight), model, changed)


@pytest.mark.parametrize("seed", range(12))
def test_one_spike_anywhere_is_never_certified_away(seed):
    rng, model = np.random.default_rng(seed), perfect_model(5, 3)
    weight = rng.choice([w for w in WEIGHT_SHAPES if not w.startswith("b_")])
    place = tuple(rng.integers(size) for size in getattr(model, weight).shape)
    model = spiked(model, weight, place, float(rng.choice([-1, 1]) * 10 ** rng.uniform(0, 2.5)))
    right = ~CaseCheck.of(model).left(every_case(model))
    wrong = {(x[-1], max(x)) for x in slow_wrong(model)}
    for sure, case in zip(right, every_case(model).tolist(), strict=True):
        assert not (sure and tuple(case) in wrong)


def test_a_spike_on_one_far_token_is_seen_though_its_attention_is_tiny(monkeypatch):
    monkeypatch.setattr(universal, "FIRST_TOKENS", 1)
    model = perfect_model(12, 3, steepness=2.0)
    assert CaseCheck.of(model).look(11, 11).right
    far = spiked(model, "W_V", (0, 0, 5), 1e10)  # token 0 votes for 5 with all it has
    assert not CaseCheck.of(far).look(11, 11).right
    assert (0, 11, 11) in slow_wrong(far)
    assert CaseCheck.of(far).look(11, 11, gap=12).right


def test_ties_are_not_right():
    model = random_model(0, spread=0.0)
    assert CaseCheck.of(model).left(every_case(model)).all()
    tied = perfect_model(4, 3)
    tied = replace(tied, W_U=np.concatenate([tied.W_U, tied.W_U[:, 3:]], axis=1), b_U=np.zeros(5))
    left = CaseCheck.of(tied).left(every_case(tied))
    assert np.array_equal(left, every_case(tied)[:, 1] == 3)


@pytest.mark.parametrize("scale", [1e150, 1e30, 1e-170])
def test_weights_beyond_what_rounding_bounds_certify_nothing_false(scale):
    model = random_model(2, spread=scale)
    assert CaseCheck.of(model).left(every_case(model)).all()


def test_one_output_is_always_right():
    model = random_model(1, d_vocab=1, n_ctx=2)
    assert not CaseCheck.of(model).left(every_case(model)).any()


def test_two_heads_and_too_few_outputs_are_refused():
    with pytest.raises(UserError, match="one head"):
        CaseCheck.of(random_model(0, n_heads=2))
    with pytest.raises(UserError, match="cannot name every maximum"):
        CaseCheck.of(random_model(0, d_vocab=5, d_vocab_out=4))


@pytest.mark.parametrize("gap", [1, 2, 3])
@pytest.mark.parametrize("name", MODELS)
def test_the_cubic_screen_of_cases_is_that_of_its_terms_and_certifies_no_more(name, gap):
    model = MODELS[name]()
    tables = additive_tables(model)
    left = cubic_left(tables, gap)
    assert not np.any(~left & CaseCheck.of(model).left(every_case(model, gap), gap))
    for (query, label), found in zip(every_case(model, gap).tolist(), left, strict=True):
        terms, places = label_terms(tables, 0, query)[..., label - query], np.arange(model.n_ctx)
        worst = terms[places, members(model, query, label, gap)].sum(axis=1).max()
        assert found == (worst >= 0)


def test_the_cubic_screen_says_something():
    model = planted_max_of_k(30, 4, 32, seed=3, steepness=60.0)
    cubic, exact = cubic_left(additive_tables(model)), CaseCheck.of(model).left(every_case(model))
    assert exact.mean() < cubic.mean() < 1
    assert cubic_flops(model) > 4 * 30**3


@pytest.mark.parametrize(("v", "k", "gap"), [(1, 1, 1), (5, 1, 2), (4, 2, 1), (6, 3, 1), (6, 3, 3)])
def test_cases_hold_each_sequence_once(v, k, gap):
    cases, tokens = Cases(v, k, gap), all_sequences(v, k)
    listed = [tuple(case) for case in cases.at(np.arange(cases.number)).tolist()]
    assert len(set(listed)) == cases.number
    found = [tuple(case) for case in cases.of(tokens).tolist()]
    assert len(found) == cases.sequences
    assert {case: found.count(case) for case in set(found)} == {
        case: cases.size(*case) for case in listed if cases.size(*case)
    }
    if gap == 1:
        assert cases.sequences == v**k


def test_draws_of_cases_are_different_and_all_of_them_at_the_end():
    cases = Cases(9, 4)
    few = cases.drawn(Stream.from_seed(0), 20).tolist()
    assert len({tuple(case) for case in few}) == 20
    every = cases.drawn(Stream.from_seed(0), cases.number)
    assert len({tuple(case) for case in every.tolist()}) == cases.number == 45


@pytest.mark.parametrize("sizes", [(0, 2, 1), (2, 0, 1), (2, 2, 0), ((1 << 20) + 1, 2, 1)])
def test_sizes_that_make_no_cases_are_refused(sizes):
    with pytest.raises(UserError, match="at least 1"):
        Cases(*sizes)


def test_operations_grow_with_the_rows_that_are_taken():
    model = planted_max_of_k(60, 4, 32, seed=3)
    check = CaseCheck.of(model)
    few, more = check.look(9, 9), check.look(59, 59)
    assert few.rows < more.rows <= 16
    assert more.flops - few.flops > (more.rows - few.rows) * 60 * 2 * 32
    assert setup_flops(model) > 60 * 32 * 32 * 6
