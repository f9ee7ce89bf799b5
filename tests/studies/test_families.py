"""What the studies of families and of universal claims compute beside the library."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from probbound.draws.random_streams import Stream
from probbound.models.attention_only.transformer import forward_flops
from studies import reuse, universal
from studies.reuse import ENTRIES, FAMILIES, INPUTS
from tests.factories import copying_model, slow_wrong


def curve(method: str, means: dict[int, float]) -> list[dict]:
    return [
        {"method": method, "budget": 1, "claims": claims, "mean": mean}
        for claims, mean in means.items()
    ]


@pytest.mark.parametrize(
    ("inputs", "crossing"),
    [
        ({1: 0.9, 10: 0.7, 100: 0.3}, 10 * math.sqrt(10)),
        ({1: 0.9, 10: 0.8, 100: 0.7}, None),
        ({1: 0.4, 10: 0.3, 100: 0.2}, 1.0),
    ],
)
def test_a_crossing_is_between_the_last_two_numbers_that_it_parts(inputs, crossing):
    entries = dict.fromkeys(inputs, 0.5)
    rows = curve(ENTRIES, entries) + curve(INPUTS, inputs)
    assert reuse._crossing(rows, 1) == (crossing and pytest.approx(crossing))


@pytest.mark.parametrize("name", FAMILIES)
def test_families_have_the_claims_that_were_asked_for(name):
    family = FAMILIES[name](12, 4, 3, 2.0)
    assert family.claims == 3
    assert len({law.name for law in family.laws}) == len(family.laws)
    assert max(law.length for law in family.laws) == 4
    assert min(family.margins) == 0
    if family.shared is not None:
        for law in family.laws:
            assert len(np.unique(law.sample(Stream.from_seed(0), 0, 4000), axis=0)) <= (
                12**4 / family.shared
            )


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("passes", [1.5, 40, 1000])
def test_inputs_get_the_best_way_to_share_and_no_more_passes_than_paid_for(
    name, passes, monkeypatch
):
    model, run = copying_model(0), []
    family = FAMILIES[name](6, 3, 2, 1.0)
    counted = reuse.wrong_answers

    def spy(short, task, tokens, margin=0.0):
        run.append(len(tokens) * forward_flops(short) * (margin == 0))
        return counted(short, task, tokens, margin)

    monkeypatch.setattr(reuse, "wrong_answers", spy)
    budget, stream = int(passes * forward_flops(model)), Stream.from_seed(0)
    how, bounds = reuse._by_inputs(model, family, budget, 1e-3, stream)
    assert len(bounds) == family.claims
    ways = 3 if family.shared else 1
    assert ways * budget >= sum(run) > ways * (budget - 2 * forward_flops(model))
    own = reuse._by_own(model, family, budget, 1e-3, stream.fold_in(reuse.OWN))
    assert np.mean(own) <= np.mean(bounds)
    assert how == reuse.OWN or family.shared


@pytest.mark.parametrize("way", [reuse._by_pooled, reuse._by_sorted])
@pytest.mark.parametrize("name", ["halves of the vocabulary", "classes of a checksum"])
def test_shared_draws_bound_every_law(name, way):
    model, family = copying_model(0), FAMILIES[name](6, 3, 3, 1.0)
    wrong = np.array(slow_wrong(model))
    inputs = np.array(list(itertools.product(range(6), repeat=3)))
    truth = [law.holds(wrong).sum() / law.holds(inputs).sum() for law in family.laws]
    broken, best = 0, 0.0
    for seed in range(60):
        bounds = way(model, family, 300, 0.2, Stream.from_seed(seed))
        broken += any(1 - b < share for b, share in zip(bounds, truth, strict=True))
        best = max(best, *bounds)
    assert broken <= 30  # P(Bin(60, 0.2) > 30) < 1e-7
    assert best > 0.3 or way is reuse._by_pooled


def test_the_share_of_cases_is_exact_once_all_were_looked_at():
    number, sequences = universal.BY_NUMBER, universal.BY_SEQUENCES
    assert universal._bound(3, 10, 10, number, 1e-9) == pytest.approx(0.7, abs=1e-15)
    few = universal._bound(0, 5, 10, number, 1e-3)
    assert 0 <= few < universal._bound(0, 9, 10, number, 1e-3) < 1
    assert universal._bound(0, 5, 10, sequences, 1e-3) == pytest.approx(1e-3 ** (1 / 5))


def test_a_universal_claim_holds_and_costs_what_its_looks_did():
    model = copying_model(1, d_vocab=7, n_ctx=4)
    wrong = {(x[-1], max(x)) for x in slow_wrong(model)}
    check = universal.CaseCheck.of(model)
    subject = universal._Subject("a", model, check, universal.Cases(7, 4), 0.05, 1.0)
    exact, by_sequences, *cubic = universal._listed(subject)
    assert exact["bound"] == pytest.approx(1 - len(wrong) / 28)
    held = sum(subject.cases.size(*case) for case in wrong)
    assert by_sequences["bound"] == pytest.approx(1 - held / 7**4)
    assert all(row["bound"] <= exact["bound"] + 0.2 for row in cubic)
    broken = {"cases": 0, "sequences": 0}
    for seed in range(60):
        stream = Stream.from_seed(seed)
        for row in universal._by_number(subject, (5, 20), seed, stream):
            broken["cases"] += row["bound"] > 1 - len(wrong) / 28
        for row in universal._by_sequences(subject, (5, 20), seed, stream):
            broken["sequences"] += row["bound"] > 1 - held / 7**4
            assert row["flops"] <= exact["flops"]
    assert max(broken.values()) <= 21  # P(Bin(120, 0.05) > 21) < 1e-6
