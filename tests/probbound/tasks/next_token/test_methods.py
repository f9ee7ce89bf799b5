"""Rows that are looked at, and what their number says (Theorems 9.5 and 9.6, Definition 9.7)."""

import numpy as np
import pytest

import probbound
from estimators.proportion import anytime, hypergeometric
from probbound.certificates.vacuity import remedy
from probbound.check.judge import judge
from probbound.contract.cost import CostMeter
from probbound.models.store import save_model
from probbound.strategies.laws import ApartAnytime, ApartOrInterrupted
from probbound.strategies.levels import Different
from probbound.tasks.given import Given
from probbound.tasks.next_token import methods
from probbound.tasks.next_token.planning import row_price
from probbound.tasks.next_token.task import NextToken
from probbound.tasks.registry import room_named
from tests.factories import through_json
from tests.probbound.tasks.next_token import rows

DELTA = 0.1


def certify(model=None, task=None, **settings):
    asked = {"strategy": "iid", "delta": DELTA, **settings}
    return probbound.certify(model or rows.model(), task or rows.task(), **asked)


def wrong(model, tokens, margin=0.0):
    """Which rows are wrong, by the definition."""
    found = []
    for row in tokens:
        outcomes = rows.logits(model, row)
        found.append(outcomes[row[-1]] - np.delete(outcomes, row[-1]).max() <= margin)
    return np.array(found)


@pytest.mark.parametrize("margin", [None, 0.3, -0.3])
def test_all_rows_are_counted_exactly(margin):
    claim = probbound.Claim() if margin is None else probbound.Claim("margin", margin)
    truth = wrong(rows.model(), rows.tokens(), margin or 0.0).sum()
    assert truth == rows.WRONG or margin
    for settings in ({"strategy": "brute-force"}, {"budget": 48}, {"budget": 4000, "target": 0.5}):
        made = certify(claim=claim, **settings)
        assert made.failure_upper == pytest.approx(truth / 48, rel=1e-15)
        assert (made.delta, made.guarantee) == (0, "deterministic")


def test_two_networks_are_compared_by_their_answers():
    other, tokens = rows.model("other", 0.05), rows.tokens()
    answers = [
        [int(rows.logits(model, row).argmax()) for row in tokens] for model in (rows.model(), other)
    ]
    apart = (np.array(answers[0]) != np.array(answers[1])).sum()
    assert 0 < apart < 48
    for arithmetic in ("real", "float64"):
        task = rows.task(against=other, arithmetic=arithmetic)
        assert certify(task=task, strategy="brute-force").failure_upper == pytest.approx(apart / 48)
    same = rows.task(against=rows.model())
    assert certify(task=same, strategy="brute-force").failure_upper == 0
    unsure = rows.task(against=rows.uncertain())
    assert certify(task=unsure, strategy="brute-force").failure_upper == 1


def test_what_is_not_certain_in_real_numbers_counts_against_the_claim():
    model, tokens = rows.uncertain(), rows.tokens(rows.uncertain(), wrong=0)
    for arithmetic, failing in (("real", 1), ("float64", 0)):
        task = NextToken(tokens, arithmetic)
        assert certify(model, task, strategy="brute-force").failure_upper == failing


def test_the_bound_is_that_of_different_rows():
    made = certify(budget=30, seed=2)
    sampling = made.sampling
    assert (sampling.draws, sampling.replace) == (30, False)
    wanted = hypergeometric(sampling.failures, 30, 48, delta=0.99 * DELTA, side="upper")
    assert made.failure_upper == float(wanted.upper)
    again = certify(budget=47, seed=5)
    assert again.sampling.failures in (rows.WRONG, rows.WRONG - 1)
    assert certify(budget=0).failure_upper == 1


def test_a_repeated_interruption_says_what_the_reserve_does(monkeypatch):
    monkeypatch.setattr(methods, "CHUNK", 8)
    made = certify(budget=30, seed=2, stopped_at=13)
    assert (made.stopped_at, made.sampling.draws) == (13, 13)
    wanted = anytime(made.sampling.failures, 13, delta=0.01 * DELTA, side="upper", population=48)
    assert made.failure_upper == float(wanted.upper)


@pytest.mark.parametrize("settings", [{"budget": 40}, {"budget": 40, "target": 0.01}])
def test_an_interruption_leaves_a_bound_that_can_be_repeated(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(methods, "CHUNK", 8)
    whole = Different.tickets

    def until_the_third(self, start, stop):
        if start >= 16:
            raise KeyboardInterrupt
        return whole(self, start, stop)

    monkeypatch.setattr(Different, "tickets", until_the_third)
    made = certify(seed=2, **settings)
    assert (made.stopped_at, made.sampling.draws) == (16, 16)
    report = judge(through_json(made), rows.weights(rows.model()), files=rows.saved(tmp_path))
    assert report.holds, report
    monkeypatch.setattr(Different, "tickets", whole)
    again = certify(seed=2, stopped_at=16, **settings)
    assert (again.failure_upper, again.stopped_at) == (made.failure_upper, 16)
    monkeypatch.setattr(methods, "look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        certify(strategy="brute-force")


def interrupted(*args, **settings):
    raise KeyboardInterrupt


def test_a_target_ends_the_drawing(monkeypatch):
    monkeypatch.setattr(methods, "CHUNK", 8)
    made = certify(budget=40, seed=2, target=0.6)
    assert made.failure_upper <= 0.6
    assert made.sampling.draws in (8, 16, 24, 32)
    assert certify(budget=40, seed=2, target=0.01).sampling.draws == 40


def test_auto_looks_at_as_many_rows_as_are_paid_for():
    room = room_named("next-token")
    asked = room.asked(
        *(rows.model(), rows.task(), probbound.Claim(), "auto"),
        Given(9, DELTA, 1),
    )
    assert room.decided(asked, "auto", False, CostMeter())[1].budget == 9
    once, each = asked.once_flops, row_price(asked)
    for flops, looks in (
        *((once + 7.5 * each, 7), (once - 1.0, 0), (once + each - 1.0, 0)),
        *((float(once + each), 1), (1e300, 48)),
    ):
        made = certify(strategy="auto", budget_flops=flops)
        assert made.ran.budget == looks


@pytest.mark.parametrize("arithmetic", ["real", "float64"])
@pytest.mark.parametrize("compared", [False, True])
def test_auto_books_no_more_than_its_operations(arithmetic, compared, tmp_path):
    other = rows.model("other", 0.05) if compared else None
    task, files = rows.task(arithmetic=arithmetic, against=other), rows.saved(tmp_path)
    if other is not None:
        save_model(other, tmp_path / "other.safetensors")
        files["against"] = tmp_path / "other.safetensors"
    for flops in (2e4, 1.5e5, 1e6):
        made = certify(task=task, strategy="auto", budget_flops=flops)
        assert made.cost.flops <= flops
        assert made.cost.flops > 0.5 * flops or made.ran.budget in (0, 48)
        assert judge(through_json(made), rows.weights(rows.model()), files=files).holds


def test_operations_that_do_not_pay_for_sizes_of_matrices_look_at_nothing(monkeypatch):
    monkeypatch.setattr("probbound.models.transformer.answering.sizes_of", interrupted)
    made = certify(strategy="auto", budget_flops=100.0)
    assert (made.ran.budget, made.cost.flops, made.failure_upper) == (0, 0, 1)
    assert remedy(made.to_json()).startswith("Its operations pay for nothing to be looked at;")


@pytest.mark.parametrize("failing", [0, 1, 3, 20, 49, 50])
def test_bounds_are_below_the_truth_no_more_often_than_said(failing):
    """10,000 orders of 50 rows; 4.5 standard deviations above δ are a false alarm in 1e-5."""
    population, draws, times = 50, 30, 10_000
    random = np.random.default_rng(failing)
    order = random.permuted(np.tile(np.arange(population) < failing, (times, 1)), axis=1)
    counts = order[:, :draws].cumsum(axis=1)
    truth, most = failing / population, DELTA * times + 4.5 * (DELTA * (1 - DELTA) * times) ** 0.5
    fixed, anytime_ = ApartOrInterrupted(DELTA, population), ApartAnytime(DELTA, population)

    def below(law, n, interrupted):
        seen = np.unique(counts[:, n - 1])
        bounds = [law.bound(int(k), n, interrupted=interrupted).share_upper for k in seen]
        return np.isin(counts[:, n - 1], seen[np.array(bounds) < truth])

    assert below(fixed, draws, False).sum() <= most
    everywhere = [below(anytime_, n, False) for n in range(1, draws + 1)]
    assert np.any(everywhere, axis=0).sum() <= most
    stopped = [below(fixed, n, True) for n in range(1, draws + 1)]
    either = np.any(stopped, axis=0) | below(fixed, draws, False)  # whatever is then shown
    assert either.sum() <= most
