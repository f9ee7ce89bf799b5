"""What draws of a law or a generator say (Theorem 9.12, Definition 9.7)."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom

import probbound
from estimators.mean import betting
from estimators.proportion import anytime, clopper_pearson
from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.transformer.running import outcomes
from probbound.strategies.laws import FixedOrInterrupted, Sequential
from probbound.strategies.levels import MOST_DRAWS, Inputs
from probbound.strategies.losses import Losses
from probbound.tasks.next_token import asking, methods
from probbound.tasks.next_token.planning import chosen, once_price, row_price
from probbound.tasks.next_token.populations.independent import PILOT_STREAM
from probbound.tasks.next_token.populations.law import RowLaw
from probbound.tasks.next_token.question import RowQuestion
from probbound.tasks.next_token.task import NextToken
from tests.probbound.tasks.next_token import drawn, rows
from tests.probbound.tasks.next_token.test_mean_loss import divergences, losses

DELTA = 0.1
POPULATIONS = {"law": drawn.law, "generator": drawn.generator}


def certify(found, against=None, **settings):
    asked = {"strategy": "iid", "delta": DELTA, **settings}
    return probbound.certify(rows.model(), NextToken(found, against=against), **asked)


def wrong_rows(tokens):
    """Which rows do not end in the network's answer, by one pass of all."""
    return outcomes(rows.model(), tokens[:, :-1]).argmax(axis=1) != tokens[:, -1]


def narrow():
    """A law of 3 · 1 · 3 · 2 · 3 rows, and the probability that one is wrong."""
    weights = np.zeros((drawn.LENGTH, drawn.ANSWERS), dtype=int)
    for place, occurring in enumerate(((0, 1, 5), (2,), (1, 3, 4), (0, 5), (0, 2, 4))):
        weights[place, list(occurring)] = [1, 2, 3][: len(occurring)]
    law = RowLaw(weights)
    every = np.array(list(product(*(np.flatnonzero(row).tolist() for row in weights))))
    masses = np.prod([row[column] for row, column in zip(weights, every.T, strict=True)], axis=0)
    assert masses.sum() == law.mass
    return law, float(masses[wrong_rows(every)].sum() / masses.sum())


@pytest.mark.parametrize("kind", POPULATIONS)
def test_bounds_are_those_of_independent_draws(kind, monkeypatch):
    found = POPULATIONS[kind]()
    made = certify(found, budget=300, seed=2)
    stream = Stream.from_seed(2).fold_in("certify").fold_in("rows")
    failures = int(wrong_rows(found.sample(stream, 0, 300)).sum())
    assert 0 < failures < 300
    assert (made.sampling.draws, made.sampling.failures) == (300, failures)
    assert made.sampling.replace
    wanted = clopper_pearson(failures, 300, delta=0.99 * DELTA, side="upper")
    assert made.failure_upper == float(wanted.upper)
    monkeypatch.setattr(methods, "CHUNK", 100)
    other = certify(found, budget=300, seed=2)
    assert (other.failure_upper, other.sampling) == (made.failure_upper, made.sampling)
    assert certify(found, budget=0).failure_upper == 1


@pytest.mark.parametrize("kind", POPULATIONS)
def test_a_target_ends_the_drawing_and_an_interruption_leaves_a_bound(kind, monkeypatch):
    monkeypatch.setattr(methods, "CHUNK", 16)
    found = POPULATIONS[kind]()
    made = certify(found, budget=300, seed=2, target=0.97)
    assert made.failure_upper <= 0.97
    assert 16 <= made.sampling.draws < 300
    failures = made.sampling.failures
    at_any = anytime(failures, made.sampling.draws, delta=DELTA, side="upper")
    assert made.failure_upper == float(at_any.upper)
    whole = Inputs.tickets

    def until_the_third(self, start, stop):
        if start >= 32:
            raise KeyboardInterrupt
        return whole(self, start, stop)

    monkeypatch.setattr(Inputs, "tickets", until_the_third)
    stopped = certify(found, budget=300, seed=2)
    assert (stopped.stopped_at, stopped.sampling.draws) == (32, 32)
    wanted = anytime(stopped.sampling.failures, 32, delta=0.01 * DELTA, side="upper")
    assert stopped.failure_upper == float(wanted.upper)
    monkeypatch.setattr(Inputs, "tickets", whole)
    again = certify(found, budget=300, seed=2, stopped_at=32)
    assert (again.failure_upper, again.sampling) == (stopped.failure_upper, stopped.sampling)


def test_bounds_of_a_law_are_below_the_truth_no_more_often_than_said(monkeypatch):
    """400 seeds; 4.5 standard deviations above δ are a false alarm in 1e-5."""
    law, truth = narrow()
    assert 0.3 < truth < 0.97
    task, n, times = NextToken(law), 60, 400
    asked = [RowQuestion(rows.model(), task, n, DELTA, seed) for seed in range(times)]
    found = np.stack([each.looks(n).tickets(0, n).genuine for each in asked])
    wrong = wrong_rows(found.reshape(-1, law.length)).reshape(times, n)
    counts, most = wrong.cumsum(axis=1), DELTA * times + 4.5 * (DELTA * 0.9 * times) ** 0.5
    fixed, sequential = FixedOrInterrupted(DELTA), Sequential(DELTA)

    def below(by, at, interrupted):
        seen = np.unique(counts[:, at - 1])
        bounds = [by.bound(int(k), at, interrupted=interrupted).share_upper for k in seen]
        return np.isin(counts[:, at - 1], seen[np.array(bounds) < truth])

    assert below(fixed, n, False).sum() <= most
    everywhere = [below(sequential, at, False) for at in range(1, n + 1)]
    assert np.any(everywhere, axis=0).sum() <= most
    spread = abs(wrong.mean() - truth) / (truth * (1 - truth) / wrong.size) ** 0.5
    assert spread < 4.5


@pytest.mark.parametrize("kind", POPULATIONS)
def test_no_number_of_draws_is_all_of_them(kind):
    found = POPULATIONS[kind]()
    with pytest.raises(UserError, match="a law or a generator are no list; iid draws them"):
        certify(found, strategy="brute-force")
    asked = RowQuestion(rows.model(), NextToken(found), 9, DELTA, 0, budget_flops=1e300)
    assert chosen(asked, CostMeter())[1].budget == MOST_DRAWS
    made = certify(found, strategy="auto", budget_flops=once_price(asked) + 7.5 * row_price(asked))
    assert (made.ran.budget, made.sampling.draws) == (7, 7)


@pytest.mark.parametrize("kind", POPULATIONS)
def test_the_arithmetic_is_found_on_rows_of_a_stream_of_their_own(kind, monkeypatch):
    found, streams = POPULATIONS[kind](), []
    monkeypatch.setattr(asking, "read_population", lambda data: found)
    monkeypatch.setattr(
        asking, "strongest", lambda models, read: streams.append(read) or asking.accepted_network
    )
    monkeypatch.setattr(asking.accepted_network, "name", "float64", raising=False)
    task = asking.brought(rows.model(), {"data": "law.npz"})
    assert task.arithmetic == "float64"
    np.testing.assert_array_equal(streams[0], found.sample(PILOT_STREAM, 0, 16)[:, :-1])


def test_tokens_that_networks_do_not_know_are_refused():
    for place, sentence in ((0, "the rows hold token 7"), (-1, "the rows end in token 7")):
        weights = np.ones((5, 8), dtype=int)
        weights[:, 6:] = 0
        weights[place, 7] = 1
        with pytest.raises(UserError, match=sentence):
            certify(RowLaw(weights))
    other = rows.model("other", 0.05)
    weights = np.ones((5, 6), dtype=int)
    wide = np.concatenate([weights, np.zeros((5, 2), dtype=int)], axis=1)
    wide[-1, 7] = 1  # what rows end in plays no part beside another network
    assert certify(RowLaw(wide), against=other, budget=20).sampling.draws == 20
    with pytest.raises(UserError, match="rows have 9 tokens to read, net reads 5"):
        certify(RowLaw(np.ones((10, 6))))


def test_one_question_has_one_seed_whatever_its_labels():
    weights = drawn.weights()
    shares = RowLaw(weights / 2.0**9 / (weights.sum(axis=1, keepdims=True) / 2.0**9))
    same = RowLaw(shares.weights)
    assert shares.rounded_bits == 24
    assert same.rounded_bits is None
    assert certify(shares, budget=5).seed == certify(same, budget=5).seed
    names = [probbound.RowGenerator(drawn.uniform, name=name) for name in ("a", "b")]
    assert certify(names[0], budget=5).seed == certify(names[1], budget=5).seed
    assert certify(drawn.law(1), budget=5).seed != certify(drawn.law(2), budget=5).seed


@pytest.mark.parametrize("kind", POPULATIONS)
def test_a_mean_loss_of_draws_is_bounded_by_betting_on_independent_ones(kind):
    found = POPULATIONS[kind]()
    made = certify(found, budget=40, seed=2, claim=Claim("loss"))
    asked = RowQuestion(
        rows.model(), NextToken(found), 40, DELTA, made.seed.value, claim=Claim("loss")
    )
    assert (asked.share.prefix, asked.flops.once) == (0, 0)
    assert made.loss is not None
    values = asked.losses.upper(asked.looks(40).tickets(0, 40).genuine)
    wanted = betting(values, delta=DELTA, low=0.0, high=made.loss.largest, side="upper")
    assert made.bound == pytest.approx(float(wanted.upper), rel=1e-9)
    assert (made.sampling.draws, made.sampling.replace) == (40, True)
    assert [spend.theorem for spend in made.ledger] == ["9.10"]
    assert made.ran.recipe.to_json()["law"] == {"law": "with replacement"}
    for settings, sentence in (
        ({"target": 0.5}, "leave the target out"),
        ({"stopped_at": 5}, "cannot be interrupted"),
        ({"strategy": "brute-force"}, "iid draws them"),
    ):
        with pytest.raises(UserError, match=sentence):
            certify(found, claim=Claim("loss"), **{"budget": 40, **settings})


@pytest.mark.parametrize("kind", POPULATIONS)
def test_divergences_of_draws_are_counted_as_answers_are(kind):
    found, claim = POPULATIONS[kind](), Claim("kl", 0.02)
    other = rows.model("other", 0.05)
    made = certify(found, other, budget=100, seed=2, claim=claim)
    stream = Stream.from_seed(2).fold_in("certify").fold_in("rows")
    true = divergences(other, rows.model(), found.sample(stream, 0, 100))
    failures = int((true > claim.at).sum())
    assert 0 < made.sampling.failures == failures < 100
    wanted = clopper_pearson(failures, 100, delta=0.99 * DELTA, side="upper")
    assert made.failure_upper == float(wanted.upper)
    stopped = certify(found, other, budget=100, seed=2, claim=claim, stopped_at=30)
    assert (stopped.stopped_at, stopped.sampling.draws) == (30, 30)


def test_means_of_a_law_are_above_the_bound_no_more_often_than_said():
    """200 seeds of 25 draws at δ = 0.1; false alarms in 1e-6."""
    law, _ = narrow()
    every = np.array(list(product(*(np.flatnonzero(row).tolist() for row in law.weights))))
    masses = np.prod([r[c] for r, c in zip(law.weights, every.T, strict=True)], axis=0)
    task, n, times, most, claim = NextToken(law), 25, 200, 2.0, Claim("loss", 2.0)
    of_every = np.minimum(losses(rows.model(), every), most)
    truth, known = (
        float(of_every @ masses / masses.sum()),
        {tuple(row): loss for row, loss in zip(every.tolist(), of_every.tolist(), strict=True)},
    )
    below, bounds = 0, []
    for seed in range(times):
        asked = RowQuestion(rows.model(), task, n, DELTA, seed, claim=claim)
        found = asked.looks(n).tickets(0, n).genuine
        values = np.array([known[tuple(row)] for row in found.tolist()])
        outcome = Losses(values, n, most, DELTA, "9.10").outcome()
        assert outcome.loss is not None
        bounds.append(outcome.loss.upper)
        below += outcome.loss.upper < truth
    assert below <= binom.isf(1e-6, times, DELTA)
    assert np.mean(bounds) < most
    made = certify(law, budget=n, claim=claim)
    assert truth < made.bound < most


@pytest.mark.parametrize("claim", [Claim("loss"), Claim("kl", 0.02)])
def test_a_token_that_a_generator_draws_and_no_network_knows_ends_the_run(claim):
    def rare(rng, n):
        found = rng.integers(0, 6, (n, 5))
        found[16:, 1] = 7  # behind the rows of the pilot
        return found

    against = rows.model("other", 0.05) if claim.kind == "kl" else None
    with pytest.raises(UserError, match="the rows hold token 7"):
        certify(probbound.RowGenerator(rare), against, budget=40, claim=claim)
