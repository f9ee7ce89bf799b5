"""A family of claims from one sample of noise: laws, lengths, and the bound for all at once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import Transformer, in_float64
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.max_of_k.structured.families import UNIT
from probbound.tasks.max_of_k.structured.laws import Among, Checksum, Law
from probbound.tasks.max_of_k.structured.lengths import at_length, length_flops, shortened
from probbound.tasks.max_of_k.structured.parts import Parts, parts_of
from probbound.tasks.max_of_k.structured.pilot import Scope
from probbound.tasks.max_of_k.structured.several import families_of, row_envelope, several
from probbound.tasks.max_of_k.structured.tolerances import Brackets, Tolerances, certified, far_rows
from tests.factories import all_sequences, copying_model, one_head_margins, random_model

LAWS: dict[str, Law] = {
    "all": Among(6, 4),
    "shorter": Among(6, 2),
    "one position": Among(6, 1),
    "half": Among(6, 4, (5, 0, 2), "half"),
    "one token": Among(6, 3, (4,), "4 alone"),
    "even": Checksum(6, 4, 2, 0),
    "third": Checksum(6, 3, 3, 2),
    "sixth": Checksum(6, 4, 6, 5),
    "first sixth": Checksum(6, 4, 6, 0),
}


def support(law: Law) -> np.ndarray:
    """All sequences of a law; every law here is uniform over them."""
    tokens = all_sequences(law.d_vocab, law.length)
    if isinstance(law, Checksum):
        return tokens[tokens.sum(axis=1) % law.classes == law.index]
    assert isinstance(law, Among)
    return tokens[np.isin(tokens, law.array).all(axis=1)]


@pytest.mark.parametrize("name", LAWS)
def test_densities_and_meetings_are_those_of_all_sequences_or_more(name):
    law = LAWS[name]
    tokens = support(law)
    n, v, k = len(tokens), law.d_vocab, law.length
    one = max(np.bincount(tokens[:, p], minlength=v).max() for p in range(k))
    assert law.token_density == one * v / n
    for a, b in itertools.permutations(range(k), 2):
        pairs = np.bincount(tokens[:, a] * v + tokens[:, b], minlength=v * v)
        assert law.pair_density >= pairs.max() * v * v / n * (1 - 1e-12)
    for near in range(1, v + 1):
        close = tokens.max(axis=1) < np.arange(v)[:, None] + near
        held = (tokens[None] == np.arange(v)[:, None, None]).any(axis=2)
        exact = (close & held).sum(axis=1) / n
        found = law.row_meetings(near) / UNIT
        assert np.all(found >= exact - 1e-15)
        if isinstance(law, Among):
            assert np.allclose(found, exact, atol=2 / UNIT)
    some = np.arange(v) % 3 == 1
    assert law.last_among(some) >= some[tokens[:, -1]].mean() - 1e-15


@pytest.mark.parametrize("name", LAWS)
def test_draws_are_uniform_over_the_sequences_of_a_law(name):
    law = LAWS[name]
    index = {tuple(x): i for i, x in enumerate(support(law).tolist())}
    drawn = law.sample(Stream.from_seed(3), 0, 40 * len(index))
    counts = np.bincount([index[tuple(x)] for x in drawn.tolist()], minlength=len(index))
    assert law.holds(drawn).all()
    assert law.holds(all_sequences(6, law.length)).sum() == len(index)
    if len(index) > 1:
        assert stats.chisquare(counts).pvalue > 1e-6
    assert np.array_equal(law.sample(Stream.from_seed(3), 7, 19), drawn[7:19])


def test_classes_of_a_checksum_share_no_sequence_and_leave_none():
    parts = np.concatenate([support(Checksum(6, 3, 3, i)) for i in range(3)])
    assert sorted(parts.tolist()) == all_sequences(6, 3).tolist()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Checksum(6, 3, 4, 0), "divisor"),
        (lambda: Checksum(6, 2, 3, 0), "at least 3"),
        (lambda: Among(6, 3, ()), "at least one"),
        (lambda: Among(6, 3, (1, 1)), "different"),
        (lambda: Among(6, 3, (6,)), "0 to 5"),
    ],
)
def test_laws_that_are_none_are_refused(make, words):
    with pytest.raises(UserError, match=words):
        make()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_exceeds_no_law_meets_it_more_often_than_the_sum_of_the_family(seed):
    rng, laws = np.random.default_rng(seed), tuple(LAWS.values())
    v, near = 6, int(rng.integers(1, 7))
    sizes = Sizes(v, v, 4, 8)
    qk, ov, direct, rows, last = families_of(laws, sizes, Scope(near, True))
    bad = rng.random((v, v)) < rng.uniform(0, 0.3)
    np.fill_diagonal(bad, False)
    bad_rows = rng.random(v) < 0.3
    share = bad.sum() / (v * (v - 1))
    for law in laws:
        tokens = support(law)
        ends = np.stack([np.repeat(tokens[:, -1:], law.length, axis=1), tokens])
        assert bad[ends[0], ends[1]].any(axis=1).mean() <= qk.slots * share + 1e-12
        assert bad[tokens[:, :, None], tokens[:, None]].any(axis=(1, 2)).mean() <= (
            ov.slots * share + 1e-12
        )
        close = tokens.max(axis=1, keepdims=True) - tokens < near
        weights = row_envelope(laws, near) / UNIT
        assert (bad_rows[tokens] & close).any(axis=1).mean() <= weights[bad_rows].sum() + 1e-12
        assert bad_rows[tokens[:, -1]].mean() <= last.slots * bad_rows.mean() + 1e-12
    assert rows.slots == pytest.approx(row_envelope(laws, near).sum() / UNIT)
    assert direct.slots == qk.slots


class Sizes:
    """Sizes alone, as families want them."""

    def __init__(self, d_vocab: int, d_vocab_out: int, n_ctx: int, d_model: int) -> None:
        self.d_vocab, self.d_vocab_out = d_vocab, d_vocab_out
        self.n_ctx, self.d_model = n_ctx, d_model


def of_everything(model: Transformer, parts: Parts) -> Tolerances:
    """The least tolerances that all noise of the whole length is within, from full matrices."""
    v = parts.d_vocab
    scores, values = (m.factors[0] @ m.factors[1] for m in (parts.scores, parts.values))
    direct = parts.direct.factors[0] @ parts.direct.factors[1]
    other = ~np.eye(v, values.shape[1], dtype=bool)
    levels = parts.mean + values + parts.position[:, None]
    levels = levels - parts.position[:, :v, None]
    return Tolerances(
        score=np.abs(scores).max(axis=1),
        low=np.max(np.where(other[:, :v], -values[:, :v], -np.inf), axis=1, initial=0.0),
        row=np.where(other, levels, -np.inf).max(axis=(0, 2)),
        far_row=far_rows(parts),
        near=v,
        direct_low=np.max(-direct[:, :v], axis=1),
        direct_row=direct.max(axis=1),
    )


MODELS = {
    "random": lambda: random_model(3, d_vocab=5, n_ctx=4, biases=True),
    "more outputs": lambda: random_model(4, d_vocab=4, n_ctx=3, biases=True, d_vocab_out=6),
    "copying": lambda: copying_model(0, d_vocab=6, n_ctx=4),
    "planted": lambda: planted_max_of_k(8, 4, 16, seed=2, steepness=60.0, noise=0.3),
}


@pytest.mark.parametrize("name", MODELS)
def test_noise_tolerated_at_the_whole_length_is_tolerated_at_every_other(name):
    model = MODELS[name]()
    m, parts = in_float64(model), parts_of(model, CostMeter())
    whole = Brackets(parts, of_everything(model, parts))
    v = parts.d_vocab
    for length in range(1, model.n_ctx + 1):
        found = at_length(model, whole, length)
        short, t = found.parts, found.tolerances
        places, last = m.W_pos[:length], m.W_pos[length - 1]
        queries = ((m.W_E + last) @ m.W_Q[0] + m.b_Q[0]) @ m.W_K[0].T / m.attn_scale
        tokens = m.W_E - m.W_E.mean(axis=0)
        size = parts.size @ tokens
        noise = queries @ (tokens - np.outer(parts.size, size)).T
        assert np.all(np.abs(noise).max(axis=1) <= t.score + 1e-9)
        assert np.allclose(short.steepness, queries @ size)
        assert np.allclose(short.own_score, np.diag(noise))
        assert np.all(np.ptp(queries @ places.T, axis=1) / 2 <= short.place + 1e-9)
        outputs = m.W_U - m.W_U.mean(axis=1, keepdims=True)
        circuit = m.W_V[0] @ m.W_O[0] @ outputs
        rest = m.W_E.mean(axis=0) + last + m.b_V[0] @ m.W_O[0] + m.b_O
        mean = (m.W_E.mean(axis=0) + places.mean(axis=0)) @ circuit + rest @ outputs + m.b_U
        position = (places - places.mean(axis=0)) @ circuit
        assert np.allclose(short.mean, mean)
        assert np.allclose(short.position, position)
        assert np.allclose(short.copying, mean[:v] + np.diag((tokens @ circuit)[:, :v]))
        levels = mean + tokens @ circuit + position[:, None] - position[:, :v, None]
        levels[:, np.arange(v), np.arange(v)] = -np.inf
        assert np.all(levels.max(axis=(0, 2)) <= t.row + 1e-9)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_certified_at_a_length_is_right_there(name):
    model = MODELS[name]()
    parts = parts_of(model, CostMeter())
    whole = Brackets(parts, of_everything(model, parts))
    some = 0
    for length in range(1, model.n_ctx + 1):
        tokens, margins = one_head_margins(shortened(model, length))
        brackets = at_length(model, whole, length)
        for margin in (0.0, float(np.median(margins))):
            sure = certified(brackets, tokens, margin)
            assert np.all(margins[sure] > margin)
            some += int(sure.sum())
    assert some or name in ("random", "more outputs")


def test_a_model_has_only_its_own_lengths():
    model = copying_model(0)
    for length in (0, 4):
        with pytest.raises(UserError, match="1 to 3 positions"):
            shortened(model, length)
    parts = parts_of(model, CostMeter())
    whole = Brackets(parts, of_everything(model, parts))
    assert at_length(model, whole, 3) is whole
    assert length_flops(parts, 2) < length_flops(parts, 3)


@pytest.fixture(scope="module")
def planted() -> Transformer:
    """Right on most inputs, by a structure that sampled noise leaves standing."""
    return planted_max_of_k(48, 3, 96, seed=5, steepness=120.0, copying=60.0)


def truths(model: Transformer) -> list[float]:
    """Of each claim the share of sequences whose margin is not above its own, by enumeration."""
    margins = {n: one_head_margins(shortened(model, n))[1] for n in (2, 3)}
    found = []
    for law in FAMILY:
        places = (support(law) * law.d_vocab ** np.arange(law.length)[::-1]).sum(axis=1)
        found += [float((margins[law.length][places] <= margin).mean()) for margin in MARGINS]
    return found


FAMILY = (
    Among(48, 3),
    Among(48, 2, name="short"),
    Among(48, 3, tuple(range(0, 48, 2)), "even tokens"),
    Among(48, 3, tuple(range(24)), "small tokens"),
    *(Checksum(48, 3, 4, i) for i in range(4)),
)
MARGINS = (0.0, 10.0)


def run(model: Transformer, seed: int, delta: float, budget: int = 9000):
    return several(
        model,
        FAMILY,
        MARGINS,
        budget=budget,
        delta=delta,
        cases=400,
        stream=Stream.from_seed(seed),
        meter=CostMeter(),
    )


@pytest.mark.parametrize("repeats", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_all_claims_hold_at_once_more_often_than_promised(planted, repeats):
    exact = truths(planted)
    broken, least, delta = 0, 1.0, 0.2
    for seed in range(repeats):
        found = [bound.failure_upper for bound in run(planted, seed, delta)]
        broken += any(upper < share for upper, share in zip(found, exact, strict=True))
        least = min(least, min(found))
    assert broken <= stats.binom.isf(1e-6, repeats, delta)
    assert least < 0.8


def test_a_family_shares_the_noise_and_is_in_the_order_of_laws_and_margins(planted):
    found = run(planted, 0, 1e-2, budget=200_000)
    assert [(b.law, b.margin) for b in found] == list(itertools.product(FAMILY, MARGINS))
    assert len({bound.touch for bound in found}) == 1
    for easy, hard in zip(found[::2], found[1::2], strict=True):
        assert easy.failure_upper <= hard.failure_upper
    assert all(b.failure_upper >= b.uncertified for b in found)


def test_families_that_cannot_be_are_refused(planted):
    for laws, margins, budget, words in (
        ((Among(48, 2),), (0.0,), 10_000, "the longest of 3 positions"),
        ((Among(47, 3),), (0.0,), 10_000, "over 48 tokens"),
        ((Among(48, 3),), (), 10_000, "margins"),
        ((Among(48, 3),), (0.0,), 10, "buys no row"),
    ):
        with pytest.raises(UserError, match=words):
            several(
                planted,
                laws,
                margins,
                budget=budget,
                delta=0.1,
                cases=10,
                stream=Stream.from_seed(0),
                meter=CostMeter(),
            )
