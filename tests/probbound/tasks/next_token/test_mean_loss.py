"""Mean losses over rows, and rows near a reference, by every strategy (Theorems 9.10, 9.11)."""

import math

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp
from scipy.stats import binom

import probbound
from estimators.mean import betting
from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.models.transformer.largest_loss import largest_loss
from probbound.strategies.levels import Different
from probbound.strategies.losses import Losses
from probbound.tasks.given import Given
from probbound.tasks.next_token import mean_loss
from probbound.tasks.next_token.task import NextToken
from probbound.tasks.registry import room_named
from tests.probbound.tasks.next_token import rows

DELTA, FALSE_ALARM = 0.1, 1e-6
ARITHMETICS = ("real", "float64")


def certify(model=None, task=None, claim=None, **settings):
    asked = {"strategy": "iid", "delta": DELTA, "claim": claim or Claim("loss"), **settings}
    return probbound.certify(model or rows.model(), task or rows.task(), **asked)


def losses(model, tokens):
    """Of each row, by the definition."""
    found = np.array([rows.logits(model, row) for row in tokens])
    return logsumexp(found, axis=1) - found[np.arange(len(tokens)), tokens[:, -1]]


def divergences(reference, model, tokens):
    """Of each row, by the definition."""
    log_p, log_q = (
        log_softmax(np.array([rows.logits(each, row) for row in tokens]), axis=1)
        for each in (reference, model)
    )
    return (np.exp(log_p) * (log_p - log_q)).sum(axis=1)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("at", [None, 1.0])
def test_all_rows_give_their_mean(arithmetic, at):
    model, task = rows.model(), rows.task(arithmetic=arithmetic)
    truth = np.minimum(losses(model, rows.tokens()), at or math.inf).mean()
    for settings in ({"strategy": "brute-force"}, {"budget": 48}, {"budget": 4000}):
        made = certify(task=task, claim=Claim("loss", at), **settings)
        assert truth <= made.bound <= truth * (1 + 1e-6)
        assert (made.delta, made.guarantee) == (0, "deterministic")
        assert made.loss is not None
        assert made.loss.proven == made.bound
        assert made.loss.largest == (at or largest_loss(model))
        (level,) = made.levels
        assert (level.check, level.mode, level.samples) == ("forward pass", "enumerated", 0)
        assert level.share_upper == pytest.approx(made.bound / made.loss.largest)
        assert made.to_json()["sampling"]["mean_loss"] is None


def test_a_loss_that_is_not_known_counts_the_largest():
    model = rows.uncertain()
    tokens = rows.tokens(model, wrong=0)
    real, computed = (
        certify(model, NextToken(tokens, arithmetic), strategy="brute-force")
        for arithmetic in ARITHMETICS
    )
    assert real.bound == largest_loss(model)
    assert computed.bound < 0.9 * largest_loss(model)
    assert (
        certify(model, NextToken(tokens), Claim("loss", 0.5), strategy="brute-force").bound == 0.5
    )


def test_different_rows_are_bounded_without_replacement():
    made = certify(budget=30, seed=2)
    assert made.loss is not None
    sampling, largest = made.sampling, made.loss.largest
    question = room_named("next-token").asked(
        *(rows.model(), rows.task(), Claim("loss"), "iid"),
        Given(30, DELTA, made.seed.value),
    )
    source = Different(question.task, question.stream.fold_in("rows"), 30, 48)
    values = question.losses.upper(source.tickets(0, 30).genuine)
    wanted = betting(values, delta=DELTA, low=0.0, high=largest, side="upper", population=48).upper
    assert made.bound == pytest.approx(float(wanted), rel=1e-9)
    assert sampling.mean_loss == pytest.approx(values.mean(), rel=1e-9)
    assert (sampling.draws, sampling.samples, sampling.replace) == (30, 30, False)
    (spend,) = made.ledger
    assert (spend.theorem, spend.samples, spend.delta) == ("9.10", 30, DELTA)
    assert "30 losses" in spend.statement
    assert made.loss.proven == largest
    nearly_all = certify(budget=47, seed=2)
    assert nearly_all.bound <= certify(strategy="brute-force").bound + largest / 48


def test_of_no_row_nothing_is_said():
    made = certify(budget=0)
    assert made.loss is not None
    assert made.bound == made.loss.largest
    assert made.delta == 0


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_one_row_is_its_own_mean(arithmetic):
    tokens = rows.tokens()[:1]
    made = certify(task=NextToken(tokens, arithmetic), budget=1)
    assert made.bound == pytest.approx(losses(rows.model(), tokens)[0], rel=1e-6)
    assert made.delta == 0


def test_auto_looks_at_as_many_rows_as_are_paid_for():
    made = certify(strategy="auto", budget=20)
    assert (made.chosen, made.ran.budget, made.sampling.draws) == ("iid", 20, 20)
    assert made.asked is None


def test_more_losses_than_are_checked_are_refused(monkeypatch):
    monkeypatch.setattr(mean_loss, "MOST_LOSSES", 29)
    with pytest.raises(UserError, match="a mean loss is of at most 29 rows"):
        certify(budget=30)
    assert certify(budget=29).sampling.draws == 29


def test_a_network_without_a_largest_loss_needs_a_number_to_cut_at(monkeypatch):
    monkeypatch.setattr("probbound.models.transformer.largest_loss.last_norm", lambda a: None)
    with pytest.raises(UserError, match="cut them at a number of nats with --at"):
        certify(budget=30)
    assert certify(claim=Claim("loss", 4.0), budget=30).bound < 4


def test_an_interrupted_mean_is_none(monkeypatch):
    def interrupted(*args, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(mean_loss, "measured", interrupted)
    for settings in ({"budget": 30}, {"strategy": "brute-force"}):
        with pytest.raises(KeyboardInterrupt):
            certify(**settings)


@pytest.mark.parametrize("spread", ["few are large", "all alike", "anything"])
def test_bounds_are_below_the_mean_no_more_often_than_said(spread):
    """1,000 orders of 60 rows, at δ = 0.1; false alarms in 1e-6.

    What is computed of each is somewhat more than its loss, by its place.
    """
    random, times, draws, largest = np.random.default_rng(5), 1000, 25, 8.0
    true = {
        "few are large": np.where(np.arange(60) < 6, largest, 0.0),
        "all alike": np.full(60, 2.0),
        "anything": random.uniform(0, largest, 60),
    }[spread]
    more = 1e-3 * random.uniform(size=draws)
    found = []
    for _ in range(times):
        values = random.permutation(true)[:draws] + more
        outcome = Losses(values, draws, largest, DELTA, "9.10", 60).outcome()
        found.append(outcome.loss.upper if outcome.loss else math.nan)
    bounds = np.array(found)
    assert (bounds < true.mean()).sum() <= binom.isf(FALSE_ALARM, times, DELTA)
    assert bounds.mean() < largest


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_rows_near_a_reference_are_counted(arithmetic):
    reference, model, tokens = rows.model("other", 0.05), rows.model(), rows.tokens()
    task = rows.task(against=reference, arithmetic=arithmetic)
    true = divergences(reference, model, tokens)
    back = divergences(model, reference, tokens)
    for at in np.quantile(true, [0.0, 0.3, 0.8, 1.0]) + 1e-5:
        claim = Claim("kl", float(at))
        apart = (true > at).sum()
        made = certify(task=task, claim=claim, strategy="brute-force")
        assert made.failure_upper == pytest.approx(apart / 48)
        assert made.loss is None
        (level,) = made.levels
        assert level.check == "forward pass"
    assert any(((true > at) != (back > at)).any() for at in true)  # the other way is another claim
    none = certify(task=task, claim=Claim("kl", -0.0), strategy="brute-force")
    assert none.failure_upper == 1
    assert str(none.claim.at) == "0.0"


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_a_network_is_near_itself_and_an_uncertain_one_near_none(arithmetic):
    same = rows.task(against=rows.model(), arithmetic=arithmetic)
    assert certify(task=same, claim=Claim("kl", 1e-5), strategy="brute-force").failure_upper == 0
    unsure = rows.task(against=rows.uncertain(), arithmetic=arithmetic)
    failing = certify(task=unsure, claim=Claim("kl", 20.0), strategy="brute-force").failure_upper
    assert failing == (1 if arithmetic == "real" else 0)


def test_draws_of_a_divergence_are_those_of_any_share():
    reference, claim = rows.model("other", 0.05), Claim("kl", 0.02)
    task = rows.task(against=reference)
    fixed = certify(task=task, claim=claim, budget=30, seed=4)
    assert [spend.theorem for spend in fixed.ledger] == ["9.5", "9.5"]
    assert (fixed.sampling.draws, fixed.sampling.replace) == (30, False)
    stopped = certify(task=task, claim=claim, budget=30, seed=4, stopped_at=9)
    assert (stopped.stopped_at, stopped.sampling.draws) == (9, 9)
    ended = certify(task=task, claim=Claim("kl", 5.0), budget=40, seed=4, target=0.9)
    assert ended.failure_upper <= 0.9


def test_what_is_paid_is_what_runs():
    room = room_named("next-token")
    asked = room.asked(rows.model(), rows.task(), Claim("loss"), "iid", Given(9, DELTA, 1))
    meter = CostMeter()
    room.answer("iid", asked, meter)
    assert [phase.name for phase in meter.total().phases] == [
        *("largest loss", "sizes of matrices", "draws")
    ]
    assert meter.total().flops_of("sampling") == 9 * asked.losses.flops > 9 * asked.flops.each
