"""The checker's own bounds on losses, against those that make certificates and against truth."""

import copy
import itertools
import math
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import probbound
from estimators.mean import betting
from probbound.check import betting as second
from probbound.check.betting import upper_mean
from probbound.check.judge import derived_seed, judge
from probbound.check.models.attention_only.network import Network
from probbound.check.models.attention_only.slack import slack_of
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.tasks.max_of_k import loss_replay
from probbound.check.tasks.max_of_k.losses import largest_loss, loss_at, losses, margin_for
from probbound.contract.claims import Claim
from probbound.draws.priors import Prior
from probbound.models.attention_only.transformer import Transformer
from probbound.models.store import digest
from probbound.strategies import losses as shared
from probbound.strategies.means import bounded_mean
from probbound.tasks.max_of_k.losses import largest_loss as made_largest_loss
from probbound.tasks.max_of_k.losses import loss_at as made_loss_at
from probbound.tasks.max_of_k.methods import loss as maker
from probbound.tasks.max_of_k.screens import ladder as ladder_module
from probbound.tasks.max_of_k.strategies import SCREENS
from probbound.tasks.max_of_k.task import task_for
from tests.exact import ExactModel
from tests.factories import (
    ASSORTED,
    all_sequences,
    checked,
    copying_model,
    random_model,
    weights_of,
)
from tests.forgeries import altered, resealed, run_as
from tests.probbound.models.attention_only.test_forward_error import scaled, sums_model

LOSS = Claim("loss")
AGAIN = "layers, draws and losses were computed again, and claim no less"
SMALL = ("biases", "two heads", "copying", "one position", "one token", "two tokens")
STRATEGIES = ("brute-force", "iid", "iid:tables", "cubic", "hybrid", "sub-cubic")
DETERMINISTIC = [name for name in SCREENS if name != "cubic" and not name.endswith(":sketch")]


def certify(model: Transformer, strategy: str, prior: Prior | None = None, **options):
    task = task_for(model, prior)
    return probbound.certify(model, task, strategy=strategy, claim=LOSS, **options)


def network_of(model: Transformer) -> Network:
    weights = weights_of(model)
    return Network(weights, slack_of(weights, 0.0))


def uneven(vocabulary: int) -> Prior:
    return Prior((1, *(t % 3 for t in range(1, vocabulary))))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("strategy", [*STRATEGIES, "hybrid:sub-cubic"])
def test_what_was_made_holds_in_full(name, strategy):
    model = ASSORTED[name]()
    if model.n_heads > 1 and strategy.endswith("sub-cubic"):
        return
    for prior, budget, delta in (
        (None, 0, 0.3),
        (None, 12, 1e-6),
        (None, 300, 0.3),
        (uneven(model.d_vocab), 12, 0.3),
    ):
        report = checked(certify(model, strategy, prior, budget=budget, delta=delta), model)
        assert report.confirmed[-1] == AGAIN, (budget, delta, report.refused)
        assert "not computed again" not in " ".join(report.trusted)


@pytest.mark.parametrize("name", ["low-rank-qk:svd", "low-rank-eu", "quadratic-qk-eu"])
def test_screens_with_noise_hold(name):
    assert_screen_holds(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", DETERMINISTIC)
def test_every_screen_holds(name):
    assert_screen_holds(name)


def assert_screen_holds(name: str) -> None:
    model = copying_model(1, n_ctx=4)
    for strategy, prior in ((name, None), (f"hybrid:{name}", None), (f"hybrid:{name}", uneven(6))):
        report = checked(certify(model, strategy, prior, budget=20, delta=0.1), model)
        assert report.confirmed[-1] == AGAIN, (strategy, report.refused)


@pytest.mark.parametrize("budget", [5, 10**4])
def test_counts_on_a_grid_hold(budget):
    """With tickets that are blank where there are two heads."""
    for model in (copying_model(3), random_model(5, n_heads=2)):
        for strategy in ("cubic", "hybrid"):
            made = certify(model, strategy, budget=budget, delta=0.1, grid_points=30)
            assert checked(made, model).confirmed[-1] == AGAIN


def test_a_hybrid_covers_every_way_to_look_at_what_is_left():
    """All of it, draws of it, and draws of all inputs."""
    model = sure_model()
    listed = certify(model, "hybrid", budget=64)
    drawn = certify(model, "hybrid", budget=20, delta=0.1)
    assert (listed.levels[-1].mode, drawn.levels[-1].mode) == ("enumerated", "sampled")
    assert 0 < listed.sampling.draws < 64
    assert drawn.bound < certify(model, "cubic").bound
    assert drawn.ledger != certify(model, "iid", budget=20, seed=drawn.seed.value).ledger
    other = random_model(0)
    inputs = certify(other, "hybrid", budget=90, delta=0.3)
    plain = certify(other, "iid", budget=90, delta=0.3, seed=inputs.seed.value)
    assert inputs.ledger == plain.ledger
    for made, of in ((listed, model), (drawn, model), (inputs, other)):
        assert checked(made, of).confirmed[-1] == AGAIN


def sure_model() -> Transformer:
    """Right on nearly all inputs by far, so that layers leave little."""
    return scaled(copying_model(5, d_vocab=4, noise=0.0), W_U=2.0)


def test_shipped_models_hold():
    for name, strategy, budget in (
        ("max-of-4-v1024", "iid", 2000),
        ("max-of-4", "hybrid:sub-cubic", 1000),
    ):
        model = probbound.load(name)
        report = checked(certify(model, strategy, budget=budget), model)
        assert report.confirmed[-1] == AGAIN, report.refused


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["cubic", "hybrid", "sub-cubic", "iid:tables"])
def test_shipped_models_hold_by_every_strategy(strategy):
    model = probbound.load("max-of-4")
    assert checked(certify(model, strategy, budget=10_000), model).confirmed[-1] == AGAIN


TRUE = {
    "copying": lambda: copying_model(1, d_vocab=4),
    "two heads": lambda: random_model(5, d_vocab=3, n_heads=2, biases=True, d_vocab_out=5),
    "a tie": lambda: sums_model(0),
    "losses of 1e-40": lambda: scaled(copying_model(5, d_vocab=4, noise=0.0), W_U=40.0),
    "losses above 1000": lambda: scaled(copying_model(6, d_vocab=4), W_U=1000.0),
    "scores too large": lambda: scaled(copying_model(1, d_vocab=3), W_Q=1e15),
    "tiny weights": lambda: scaled(random_model(2, d_vocab=3), W_U=1e-12),
    "one token": lambda: random_model(8, d_vocab=1),
}


@pytest.mark.parametrize("name", TRUE)
def test_losses_are_bounded_in_200_digits(name):
    """Each, the largest, and the mean over all; and not by much more than they are."""
    model = TRUE[name]()
    network, prior = network_of(model), uneven(model.d_vocab)
    true, tokens = ExactModel(model).losses(), all_sequences(model.d_vocab, model.n_ctx)
    law, flat = Law(prior.array), Law(np.ones(model.d_vocab, np.int64))
    found = losses(network, tokens, largest_loss(network, flat))
    usual = math.isfinite(network.slack.logits)
    for bound, loss in zip(found, true.values(), strict=True):
        assert loss <= float(bound)
        assert not usual or float(bound) <= loss * (1 + 1e-6) + 2.0**-890
    possible = [loss for x, loss in true.items() if prior.array[list(x)].all()]
    assert max(possible) <= largest_loss(network, law)
    for given, used in ((None, flat), (prior, law)):
        weights = [mpmath.mpf(int(w)) / used.total for w in used.weights]
        mean = sum(y * mpmath.fprod(weights[t] for t in x) for x, y in true.items())
        predicate = certify(model, "brute-force", given).to_json()
        again = loss_replay.made_again(predicate, network, used)
        assert mean <= again.failure
        assert not usual or again.failure <= mean * (1 + 1e-6) + 2.0**-890


@pytest.mark.parametrize("name", SMALL)
def test_the_largest_loss_is_the_same(name):
    model = ASSORTED[name]()
    for prior in (Prior.uniform(model.d_vocab), uneven(model.d_vocab)):
        found = largest_loss(network_of(model), Law(prior.array))
        assert found == pytest.approx(made_largest_loss(model, prior), rel=1e-12)


def test_losses_without_a_bound_are_refused():
    with pytest.raises(Refused, match="no finite bound"):
        largest_loss(network_of(scaled(random_model(4), W_U=1e100)), Law(np.ones(5, np.int64)))


@pytest.mark.parametrize("outputs", [1, 2, 64, 10**6])
def test_losses_at_margins_are_the_same(outputs):
    for margin in (-1e9, -30.0, -0.1, 0.0, 1e-9, 4.0, 50.0, 1e9):
        assert loss_at(margin, outputs) == made_loss_at(margin, outputs)
    for loss in (1e-5, 0.7, 3.0, 1e4) if outputs > 1 else ():
        assert loss_at(margin_for(loss, outputs), outputs) == pytest.approx(loss, rel=1e-6)


def samples(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers in [0, 1] of one kind."""
    return {
        "uniform": lambda: rng.random(n),
        "few": lambda: rng.choice([0.0, 0.25, 1.0], n, p=[0.9, 0.07, 0.03]),
        "ties": lambda: np.full(n, rng.random()),
        "all zero": lambda: np.zeros(n),
        "all largest": lambda: np.ones(n),
        "tiny": lambda: 10.0 ** rng.uniform(-300, -1, n),
        "one spike": lambda: np.eye(1, max(n, 1), int(rng.integers(max(n, 1))))[0, :n],
        "largest first": lambda: (np.arange(n) < n / 3) * 1.0,
        "near the largest": lambda: 1 - 10.0 ** rng.uniform(-17, -1, n),
    }[kind]()


SOLVED = 1.1e-13  # how far the maker's solver stops from a root
KINDS = ("uniform", "few", "ties", "all zero", "all largest", "tiny", "one spike", "largest first")


@pytest.mark.parametrize("kind", [*KINDS, "near the largest"])
def test_the_betting_bound_is_that_of_the_estimators(kind):
    rng = np.random.default_rng(len(kind))
    for n in (0, 1, 2, 3, 16, 17, 100, 2000):
        for delta in (0.999, 0.3, 1e-6, 1e-300):
            for largest in (1.0, 77.5, 2.0**-900, 1e300):
                values = np.minimum(largest * samples(kind, n, rng), largest)
                wanted = betting(
                    values, delta=delta, low=0.0, high=largest, side="upper", planned=n
                ).upper
                found = upper_mean(values, largest, math.log(delta))
                close = pytest.approx(wanted, rel=1e-9, abs=SOLVED * largest)
                assert found == close, (n, delta, largest)
                assert found <= wanted * (1 + 1e-12)


def test_more_draws_than_the_solver_has_digits_for():
    values = np.random.default_rng(0).exponential(1e-6, 50_000)
    wanted = betting(values, delta=1e-6, low=0.0, high=50.0, side="upper", planned=50_000).upper
    assert upper_mean(values, 50.0, math.log(1e-6)) == pytest.approx(wanted, rel=1e-9)


def test_the_means_above_a_betting_bound_are_ruled_out_in_exact_arithmetic():
    """By the bets or by the mean, each with its part of δ."""
    rng, decided = np.random.default_rng(1), set()
    for kind in KINDS:
        for n, delta in ((40, 0.05), (10, 1e-6), (300, 0.01)):
            values, needed = samples(kind, n, rng), -math.log(delta)
            part = min(needed / n, 0.05)
            bound = upper_mean(values, 1.0, -needed)
            if bound == 1:
                continue
            by_bets = ruled_out_by_bets(
                values, bound, math.sqrt(2 * needed / n), (1 - part) * delta
            )
            by_mean = ruled_out_by_mean(values, bound, part * delta)
            assert by_bets or by_mean, (kind, n, delta)
            decided |= {(by_bets, by_mean)}
    assert {(True, False), (False, True)} <= decided


def ruled_out_by_bets(values: np.ndarray, bound: float, aim: float, delta: float) -> bool:
    bets, mean = second._bets(1 - values, aim), 1 - bound
    capital = Fraction(1)
    for bet, value in zip(bets, values, strict=True):
        stake = min(Fraction(bet), Fraction(9, 10) / Fraction(mean))
        capital *= 1 + stake * (1 - Fraction(value) - Fraction(mean))
    return capital >= 1 / Fraction(delta) and bound >= values.mean()


def ruled_out_by_mean(values: np.ndarray, bound: float, delta: float) -> bool:
    with mpmath.workdps(50):
        n, p = len(values), mpmath.mpf(bound)
        q = mpmath.fsum(map(mpmath.mpf, values.tolist())) / n
        terms = ((q, p), (1 - q, 1 - p))
        divergence = sum(a * mpmath.log(a / b) for a, b in terms if a > 0)
        return bound > q and n * divergence >= -mpmath.log(mpmath.mpf(delta))


CASES = {
    "iid": (lambda: copying_model(1), {"strategy": "iid", "budget": 60, "delta": 0.1}),
    "drawn": (sure_model, {"strategy": "hybrid", "budget": 20, "delta": 0.1}),
    "listed": (sure_model, {"strategy": "hybrid", "budget": 64}),
    "screen": (sure_model, {"strategy": "sub-cubic"}),
    "all": (sure_model, {"strategy": "brute-force"}),
}
ALTERED = {
    "bound": (("bound",), lambda x: x * 0.999),
    "certain bound": (("proof", "loss_upper"), lambda x: x * 0.999),
    "largest loss": (("proof", "largest_loss"), lambda x: x * 0.999),
    "confidence weighted": (("confidence_weighted",), lambda x: x * 0.999),
    "a level's share": (("levels", -1, "share_upper"), lambda x: x * 0.999),
    "the first share": (("levels", 0, "share_upper"), lambda x: x * 0.999 - 1e-9),
    "the check of a level": (("levels", 0, "check"), lambda _: "sub-cubic at margin 1"),
    "the mode of a level": (("levels", -1, "mode"), lambda _: "passed through"),
    "a level": (("levels",), lambda x: x[:-1]),
    "the samples of a level": (("levels", -1, "samples"), lambda x: x + 1),
    "failures": (("levels", -1, "failures"), lambda x: x + 1),
    "draws": (("sampling", "draws"), lambda x: x + 1),
    "samples": (("sampling", "samples"), lambda x: x + 1),
    "replacement": (("sampling", "replace"), lambda x: not x),
    "mean": (("sampling", "mean_loss"), lambda x: 1.0 if x is None else x * 0.999),
    "no mean": (("sampling", "mean_loss"), lambda x: 1.0 if x is None else None),
    "delta": (("delta",), lambda x: x / 2 if x else 0.01),
    "no ledger": (("ledger",), lambda x: [] if x else [{**SPEND}]),
    "one more spend": (("ledger",), lambda x: [*x, {**SPEND}]),
    "guarantee": (
        ("guarantee",),
        lambda x: "deterministic" if x.startswith("high") else "high-probability",
    ),
    "planned": (("recipe",), lambda _: None),
    "δ chosen": (("delta_chosen",), lambda _: True),
}
SPEND = {
    "statement": "nothing was lost",
    "method": "betting",
    "theorem": "1.14",
    "delta": 0.01,
    "log_delta": math.log(0.01),
    "samples": 1,
}
OF_THE_LEDGER = {
    "statement": lambda x: x.replace("losses", "gains"),
    "method": lambda _: "hoeffding",
    "theorem": lambda _: "1.5",
    "delta": lambda x: x / 2,
    "log_delta": lambda x: x * 2,
    "samples": lambda x: x + 1,
}


@pytest.mark.parametrize("case", CASES)
def test_what_claims_more_is_refused(case):
    make, options = CASES[case]
    model = make()
    predicate = certify(model, **options).to_json()
    assert judge(resealed(predicate), weights_of(model)).holds
    for name, (path, change) in ALTERED.items():
        forged = resealed(altered(predicate, path, change))
        forged["seed_source"] = "chosen" if name in ("planned", "δ chosen") else "content"
        assert not judge(forged, weights_of(model)).holds, name
    for name, change in OF_THE_LEDGER.items() if predicate["ledger"] else ():
        forged = resealed(altered(predicate, ("ledger", 0, name), change))
        assert not judge(forged, weights_of(model)).holds, name


@pytest.mark.parametrize("case", CASES)
def test_what_claims_less_holds(case):
    make, options = CASES[case]
    model = make()
    predicate = certify(model, **options).to_json()
    less = altered(predicate, ("bound",), lambda x: min(1.01 * x, predicate["proof"]["loss_upper"]))
    if predicate["guarantee"] == "deterministic":
        less = altered(predicate, ("proof", "largest_loss"), lambda x: 1.01 * x)
    less["confidence_weighted"] *= 1.02
    assert judge(resealed(less), weights_of(model)).holds


@pytest.mark.parametrize(
    ("strategy", "name", "other"),
    [
        ("iid", "largest_loss", lambda *_: 1.0),
        ("hybrid:sub-cubic", "largest_loss", lambda *_: 1.0),
        ("sub-cubic", "LAYERS", 3),
        ("sub-cubic", "layered_bound", lambda layers, _: layers[-1].loss),
        ("brute-force", "mean_loss", lambda *_: 1e-4),
        ("iid", "bounded_mean", lambda x, *rest: bounded_mean(x / 2, *rest)),
        ("iid", "measured", lambda source, number, *_, **kw: (np.zeros(number), number)),
    ],
)
def test_a_maker_with_a_fault_of_its_own_is_found_out(monkeypatch, strategy, name, other):
    """Whose levels, ledger and bounds agree with each other."""
    model = copying_model(1)
    assert checked(certify(model, strategy, budget=30, delta=0.1), model).holds
    monkeypatch.setattr(shared if name == "bounded_mean" else maker, name, other)
    report = checked(certify(model, strategy, budget=30, delta=0.1), model)
    assert not report.holds


def test_a_layer_chosen_after_the_draws_were_seen_is_found_out(monkeypatch):
    model, seeds = sure_model(), range(4)
    honest = [certify(model, "hybrid", budget=20, delta=0.1, seed=seed).bound for seed in seeds]
    lucky = 0
    for number, seed in itertools.product((3, 6, 9, 12, 15), seeds):
        monkeypatch.setattr(maker, "_most_promising", lambda layers, *_, i=number: layers[i])
        made = certify(model, "hybrid", budget=20, delta=0.1, seed=seed)
        if made.bound < honest[seed]:
            lucky += 1
            assert not checked(made, model).holds
    assert lucky


def test_screens_that_certify_too_much_are_found_out(monkeypatch):
    model = copying_model(3)
    monkeypatch.setattr(ladder_module, "certainly_negative", lambda total: total < 0.5)
    for strategy in ("sub-cubic", "hybrid:low-rank-qk"):
        report = checked(certify(model, strategy, budget=20, delta=0.1), model)
        assert not report.holds


def test_weights_with_any_bit_changed_are_refused_or_leave_the_claim_true():
    """Even where the digest and the seed in the certificate are made to fit the changed weights."""
    model = copying_model(3)
    predicate = certify(model, "hybrid:sub-cubic", budget=40, delta=0.1).to_json()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(16):
        name = rng.choice(["W_E", "W_Q", "W_K", "W_V", "W_O", "W_U"])
        values = np.array(getattr(model, name), dtype=np.float64)
        bits = values.reshape(-1).view(np.uint64)
        bits[rng.integers(len(bits))] ^= np.uint64(1) << np.uint64(rng.integers(40, 62))
        if not np.isfinite(values).all():
            continue
        other = replace(model, **{name: values})
        assert not judge(predicate, weights_of(other)).holds
        forged = copy.deepcopy(predicate)
        forged["model"]["sha256"] = digest(other)
        forged["seed"] = derived_seed(forged)
        if judge(resealed(forged), weights_of(other)).holds:
            honest = certify(other, "hybrid:sub-cubic", budget=40, delta=0.1)
            assert forged["bound"] >= honest.bound * (1 - 2e-9)
        else:
            refused += 1
    assert refused > 5


def test_bad_luck_within_delta_is_no_fault_of_the_arithmetic():
    """A bound that chance made too low is accepted: that is what δ is for."""
    model = copying_model(3)
    truth = certify(model, "brute-force").bound
    made = (certify(model, "iid", budget=40, delta=0.9, seed=s) for s in range(50))
    unlucky = next(found for found in made if found.bound < truth)
    assert checked(unlucky, model).holds


def test_what_is_too_much_to_compute_again_is_said_and_refused(monkeypatch):
    model = sure_model()
    monkeypatch.setattr(loss_replay, "MOST_LOSSES", 1)
    for strategy, budget in (("brute-force", 0), ("iid", 5), ("hybrid", 2), ("hybrid", 64)):
        report = checked(certify(model, strategy, budget=budget), model)
        assert "independently re-checked" in report.refused[0]


@pytest.mark.parametrize(
    "strategy", ["cascade", "cascade:cubic", "hybrid:low-rank-qk:sketch", "entries"]
)
def test_what_bounds_no_loss_is_refused(strategy):
    model = copying_model(1)
    predicate = certify(model, "iid", budget=5, seed=1).to_json()
    (reason,) = judge(resealed(run_as(predicate, strategy)), weights_of(model)).refused
    assert "a mean loss is not bounded by" in reason
