"""The independent checker against what makes certificates, and alone in a process of its own."""

import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

import probbound
from estimators.proportion import anytime, clopper_pearson
from probbound.check import Unusable, check, fresh_samples, read_weights
from probbound.check.bounds import anytime as plain_anytime
from probbound.check.bounds import clopper_pearson as plain_clopper_pearson
from probbound.check.judge import judge
from probbound.check.models.attention_only.network import Copying, Network, Slack
from probbound.check.models.attention_only.slack import slack_of
from probbound.check.prior import Law
from probbound.check.stream import Stream as PlainStream
from probbound.check.tasks.max_of_k.grid import Gridded
from probbound.check.tasks.max_of_k.listing import Listed
from probbound.check.tasks.max_of_k.tariff import Tariff
from probbound.contract.claims import Claim
from probbound.contract.residue import draw
from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.additive import additive_tables
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, forward_flops
from probbound.models.catalogue import shipped_path
from probbound.models.store import digest, save_model
from probbound.tasks.max_of_k.grammar import parsed
from probbound.tasks.max_of_k.methods import cascade as cascade_module
from probbound.tasks.max_of_k.screens.grid import count_on_grid
from probbound.tasks.max_of_k.screens.listing import list_residue
from probbound.tasks.max_of_k.screens.sequences import (
    CopyingCheck,
    SequenceTables,
    TableForwardCheck,
)
from probbound.tasks.max_of_k.task import task_for
from tests.factories import (
    ASSORTED,
    all_sequences,
    checked,
    copying_model,
    perfect_model,
    random_model,
    slow_wrong,
    weights_of,
)
from tests.forgeries import altered, resealed

SHIPPED = shipped_path("max-of-4")
SMALL = ("biases", "two heads", "one position", "one token", "two tokens")


@pytest.fixture(autouse=True)
def _small_pilots(monkeypatch):
    monkeypatch.setattr(cascade_module, "PILOT_DRAWS", 64)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.replay._PILOT", 64)


def certify(model, strategy, prior=None, **options):
    return probbound.certify(model, task_for(model, prior), strategy=strategy, **options)


def network_of(model):
    return Network(weights_of(model), Slack())


def test_it_loads_nothing_that_makes_certificates():
    code = "import sys, probbound.check.judge, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    own = [name for name in loaded if name.startswith(("probbound", "estimators", "studies"))]
    assert all(name == "probbound" or name.startswith("probbound.check") for name in own), own
    foreign = {"jax", "equinox", "safetensors", "click", "jaxtyping", "jsonschema", "rich"}
    assert not foreign & {name.partition(".")[0] for name in loaded}


def test_it_runs_by_itself(tmp_path):
    certify(probbound.load("max-of-4"), "hybrid", budget=200).save(tmp_path / "c.json")
    command = [sys.executable, "-m", "probbound.check", str(tmp_path / "c.json")]
    done = subprocess.run([*command, str(SHIPPED)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("\nholds\n")
    done = subprocess.run([*command, "none.npz"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "error: there is no file none.npz\n")
    done = subprocess.run([*command[:3], "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    usage, *_ = done.stdout.splitlines()
    assert usage.startswith("usage: python -m probbound.check ")
    assert usage.endswith(" CERTIFICATE [WEIGHTS]")
    other = subprocess.run(
        [*command, str(shipped_path("max-of-4-s1"))], capture_output=True, text=True
    )
    assert other.returncode == 1
    assert "refused: it is about weights with digest" in other.stdout


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    "strategy",
    ["brute-force", "cubic", "iid", "iid:tables", "hybrid", "cascade", "cascade:cubic"],
)
def test_what_was_made_holds(name, strategy):
    model = ASSORTED[name]()
    grid = {"grid_points": 9} if parsed(strategy).on_grids else {}
    for options in (
        {"budget": 0},
        {"budget": 10, "seed": 3},
        {"budget": 300, "delta": 0.3},
        {"budget": 20, "beacon": "public", **grid},
    ):
        report = checked(certify(model, strategy, **options), model)
        assert report.holds, (options, report.refused)


@pytest.mark.parametrize("options", [{"target": 0.9}, {"draws": 50}, {"stopped_at": 40}])
@pytest.mark.parametrize("strategy", ["cascade", "cascade:cubic"])
def test_cascades_that_stop_hold(strategy, options):
    model = random_model(3)
    report = checked(certify(model, strategy, budget=30, delta=0.1, **options), model)
    assert report.holds, report.refused


@pytest.mark.parametrize("stopped_at", [0, 3, 10_000])
def test_a_listing_that_was_interrupted_holds(stopped_at):
    model = copying_model(3)
    made = certify(model, "cascade:cubic", budget=500, stopped_at=stopped_at)
    assert [level.mode for level in made.levels] == ["enumerated"] * 3
    report = checked(made, model)
    assert report.holds, report.refused


def less_sure(monkeypatch, check):
    """The check leaves one sequence more than it has to."""
    sure = check.uncertified

    def uncertified(self, tokens):
        left = sure(self, tokens)
        left[np.flatnonzero(~left)[:1]] = True
        return left

    monkeypatch.setattr(check, "uncertified", uncertified)


@pytest.mark.parametrize(
    ("strategy", "options", "check"),
    [
        ("iid:tables", {}, TableForwardCheck),
        ("cascade", {"draws": 50}, CopyingCheck),
        ("cascade", {"draws": 50, "budget": 3}, CopyingCheck),
        ("cascade", {"target": 0.9}, CopyingCheck),
        ("cascade", {"target": 0.9}, TableForwardCheck),
        ("cascade:cubic", {"draws": 50, "budget": 3}, CopyingCheck),
        ("cascade:cubic", {"budget": 500}, CopyingCheck),
    ],
)
def test_what_counts_more_failures_holds(monkeypatch, strategy, options, check):
    """A maker that is less sure of some answers than the checker is (Theorem 6.2)."""
    model = copying_model(3)
    options = {"budget": 30, "delta": 0.1, **options}
    honest = certify(model, strategy, **options).to_json()
    less_sure(monkeypatch, check)
    weaker = certify(model, strategy, **options)
    assert weaker.to_json()["levels"] != honest["levels"]
    report = checked(weaker, model)
    assert report.holds, report.refused
    for change in ({"samples": -1}, {"failures": -1}, {"samples": 10**6}, {"draws": 1}):
        sampling = {k: honest["sampling"][k] + v for k, v in change.items()}
        forged = {**honest, "sampling": {**honest["sampling"], **sampling}}
        assert not judge(resealed(forged), weights_of(model)).holds


def test_counts_that_no_checks_could_have_do_not_hold():
    """More passed on, or run, than was drawn would make the shares of single levels smaller."""
    model = random_model(3)
    predicate = certify(model, "cascade", budget=60, draws=50, delta=0.1).to_json()
    for number, level in enumerate(predicate["levels"]):
        for name in ("samples", "failures"):
            for more in (1, 10**9):
                place = ("levels", number, name)
                forged = resealed(altered(predicate, place, lambda x, more=more: x + more))
                held = judge(forged, weights_of(model)).holds
                assert not held or level["failures"] + more <= 50


def test_nothing_left_of_more_inputs_than_have_numbers_holds():
    """8^22 inputs, of which no screen leaves any: nothing has to be numbered."""
    model = perfect_model(8, 22)
    for strategy in ("hybrid", "hybrid:sub-cubic", "cascade:cubic", "cascade:sub-cubic"):
        for budget in (0, 100):
            made = certify(model, strategy, budget=budget, delta=1e-3)
            assert made.bound == 1
            report = checked(made, model)
            assert report.holds, (strategy, report.refused)


@pytest.mark.parametrize("strategy", ["iid", "iid:tables", "brute-force", "cascade"])
def test_one_output_is_always_right(strategy):
    """Even where the weights are too large to say anything of logits."""
    model = random_model(2, d_vocab=1, n_ctx=3)
    model = replace(model, W_K=2.0**60 * np.asarray(model.W_K))
    assert slack_of(weights_of(model), 0.0).logits == math.inf
    made = certify(model, strategy, budget=20, delta=0.1)
    assert made.sampling.failures == 0
    report = checked(made, model)
    assert report.holds, report.refused


@pytest.mark.parametrize("delta", [1e-300, 1 - 1e-9, 1 - 2.0**-53])
def test_any_delta_holds(delta):
    model = random_model(3)
    for strategy, options in (
        ("iid", {}),
        ("cascade:low-rank-qk:sketch", {"draws": 0}),
        ("cascade:low-rank-qk:sketch", {"draws": 9}),
        ("hybrid:low-rank-qk:sketch", {}),
        ("cascade", {"target": 0.9}),
        ("entries", {}),
    ):
        made = certify(model, strategy, budget=60, delta=delta, **options)
        report = checked(made, model)
        assert report.holds, (strategy, report.refused)


def test_a_number_of_draws_that_was_not_planned_does_not_hold(monkeypatch):
    """Somebody who stops a fixed-n cascade where it suits him."""
    model = random_model(3)
    monkeypatch.setattr(cascade_module, "_planned_draws", lambda *_: 17)
    report = checked(certify(model, "cascade", budget=5, delta=0.1), model)
    assert "it counts 17 in draws" in report.refused[0]


@pytest.mark.parametrize("claim", [Claim("margin", 0.25), Claim("margin", -0.5), Claim("loss")])
@pytest.mark.parametrize("prior", [None, (1, 0, 3, 4, 5, 6)])
def test_other_claims_and_priors_hold(claim, prior):
    model = copying_model(1)
    task = task_for(model, prior and Prior(prior))
    for strategy in ("iid", "iid:tables", "hybrid", "cascade", "cascade:cubic", "sub-cubic"):
        if claim.kind == "loss" and strategy.startswith("cascade"):
            continue
        made = probbound.certify(model, task, strategy=strategy, claim=claim, budget=40, delta=1e-3)
        report = checked(made, model)
        assert report.holds, (strategy, report.refused)


def test_a_mean_loss_that_is_too_low_is_refused():
    model = copying_model(1)
    predicate = certify(model, "brute-force", claim=Claim("loss")).to_json()
    assert judge(predicate, weights_of(model)).holds
    for path in (("bound",), ("proof", "loss_upper"), ("proof", "largest_loss")):
        altered = json.loads(json.dumps(predicate))
        part = altered["proof"] if len(path) == 2 else altered
        part[path[-1]] *= 0.01
        assert not judge(altered, weights_of(model)).holds, path


@pytest.mark.parametrize("seed", [0, 1, 6])
def test_mean_losses_of_any_size_hold_and_are_not_taken_for_less(seed):
    """Down to 1e-149: their digits count as those of any other."""
    model = copying_model(seed, d_vocab=4, noise=0.0)
    model = replace(model, W_U=40 * np.asarray(model.W_U))
    weights, task = weights_of(model), task_for(model, Prior((0, 0, 0, 1)))
    claim = Claim("loss")
    for strategy in ("brute-force", "cubic", "sub-cubic", "iid", "hybrid"):
        made = probbound.certify(model, task, strategy=strategy, claim=claim, budget=64)
        report = judge(made.to_json(), weights)
        assert report.holds, (strategy, report.refused)
    exact = probbound.certify(model, task, strategy="brute-force", claim=claim).to_json()
    assert 0 < exact["bound"] < 1e-8
    less = 0.999 * exact["bound"]
    altered = {**exact, "bound": less, "confidence_weighted": less}
    altered["proof"] = {**exact["proof"], "loss_upper": less}
    assert "computed again it is" in judge(altered, weights).refused[0]


def test_a_mean_loss_over_all_that_a_screen_left_is_certain_and_holds():
    model = copying_model(5, d_vocab=4, noise=0.0)
    model = replace(model, W_U=40 * np.asarray(model.W_U))
    made = certify(model, "hybrid", claim=Claim("loss"), budget=64)
    assert made.levels[-1].mode == "enumerated"
    assert made.loss is not None
    assert made.loss.proven == made.bound
    assert checked(made, model).holds


@pytest.mark.parametrize("name", ["random", "two heads", "copying", "two tokens"])
def test_counts_and_draws_are_the_same(name):
    model = ASSORTED[name]()
    network, tables = network_of(model), additive_tables(model)
    mine, theirs = PlainStream.of_seed(5).named("a"), Stream.from_seed(5).fold_in("a")
    law, even = Prior.uniform(model.d_vocab), Law.equal(model.d_vocab)
    grids = [(Gridded(network, even, p), count_on_grid(tables, p, law)) for p in (1, 50)]
    for found, reference in [(Listed(network, even), list_residue(tables, law)), *grids]:
        assert (found.tickets, found.size) == (reference.tickets, reference.size)
        tokens, blank = found.draw(mine, 3, 60)
        wanted = draw(reference, theirs, 3, 60)
        np.testing.assert_array_equal(blank, wanted.blank)
        np.testing.assert_array_equal(tokens[~blank], wanted.members[~blank])


def test_units_of_many_sequences_are_drawn_the_same():
    model = random_model(2, d_vocab=64, n_ctx=10, d_model=4)
    network, tables = network_of(model), additive_tables(model)
    found = Gridded(network, Law.equal(64), 15)
    reference = count_on_grid(tables, 15, Prior.uniform(64))
    assert found.knapsacks.bits[-1] > 0
    assert (found.tickets, found.size) == (reference.tickets, reference.size)
    mine, theirs = PlainStream.of_seed(1), Stream.from_seed(1)
    tokens, blank = found.draw(mine, 0, 20)
    wanted = draw(reference, theirs, 0, 20)
    np.testing.assert_array_equal(blank, wanted.blank)
    np.testing.assert_array_equal(tokens[~blank], wanted.members[~blank])


def test_integers_beyond_the_last_multiple_are_drawn_anew_the_same():
    bound = (1 << 62) + (1 << 61)
    mine, theirs = PlainStream.of_seed(7).named("x"), Stream.from_seed(7).fold_in("x")
    np.testing.assert_array_equal(mine.below(bound, 3, 900), theirs.integers(3, 900, bound))


@pytest.mark.parametrize("name", ["biases", "two heads", "two tokens", "one token"])
def test_answers_and_copying_are_the_same(name):
    model = ASSORTED[name]()
    network, tokens = network_of(model), all_sequences(model.d_vocab, model.n_ctx)
    assert list(map(tuple, tokens[network.wrong(tokens)])) == slow_wrong(model)
    tables = SequenceTables.of(model)
    for cubic, check_ in ((True, CopyingCheck.cubic), (False, CopyingCheck.quadratic)):
        np.testing.assert_array_equal(
            Copying(network, cubic=cubic).left(tokens), check_(tables).uncertified(tokens)
        )
    assert Tariff(*network.weights.sizes).forward == forward_flops(model)


def test_slack_counts_against_the_claim():
    model = copying_model(1)
    weights, tokens = weights_of(model), all_sequences(6, 3)
    exact, loose = Network(weights, Slack()), Network(weights, Slack(0.5, 0.1))
    assert exact.wrong(tokens).sum() < loose.wrong(tokens).sum()
    even = Law.equal(6)
    assert Listed(exact, even).tickets < Listed(loose, even).tickets
    assert Gridded(exact, even, 50).tickets < Gridded(loose, even, 50).tickets
    left = [Copying(net, cubic=True).left(tokens).sum() for net in (exact, loose)]
    assert left[0] < left[1]


def test_bounds_are_those_of_the_estimators():
    rng = np.random.default_rng(0)
    for _ in range(60):
        n = int(10 ** rng.uniform(0, 8))
        k = min(n, [0, 1, int(rng.integers(0, 50)), int(rng.integers(0, n + 1))][rng.integers(4)])
        log_delta = -float(10 ** rng.uniform(-0.3, 2.8))
        exact = float(clopper_pearson(k, n, log_delta=log_delta, side="upper").upper)
        assert plain_clopper_pearson(k, n, log_delta) == pytest.approx(exact, rel=1e-10)
        exact = float(anytime(k, n, log_delta=log_delta, side="upper").upper)
        assert plain_anytime(k, n, log_delta) == pytest.approx(exact, rel=2e-10)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_weights_are_read_as_their_makers_read_them(tmp_path, suffix):
    path, model = tmp_path / f"m{suffix}", random_model(4, biases=True, n_heads=2)
    if suffix == ".npz":
        arrays = {name: getattr(model, name) for name in ("W_E", "W_pos", "W_U", "b_O", "b_U")}
        arrays |= {f"{k}_{p}": getattr(model, f"{k}_{p}") for k in "Wb" for p in "QKV"}
        np.savez(path, W_O=model.W_O, attn_scale=model.attn_scale, **arrays)
    else:
        save_model(model, path)
    assert read_weights(path).digest() == digest(model)
    half = read_weights(SHIPPED)
    assert half.digest() == digest(probbound.load("max-of-4"))


def test_any_bit_of_the_weights_that_changes_a_value_is_refused(tmp_path):
    model = copying_model(1)
    certify(model, "cubic").save(tmp_path / "c.json")
    save_model(model, tmp_path / "m.safetensors")
    assert check(tmp_path / "c.json", tmp_path / "m.safetensors").holds
    content = bytearray((tmp_path / "m.safetensors").read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    rng = np.random.default_rng(0)
    refused = 0
    for bit in rng.choice(8 * (len(content) - start), 200, replace=False):
        altered = bytearray(content)
        altered[start + bit // 8] ^= 1 << (bit % 8)
        zero = bit % 64 == 63 and not any(altered[start + bit // 8 - 7 : start + bit // 8])
        (tmp_path / "m.safetensors").write_bytes(altered)
        try:
            holds = check(tmp_path / "c.json", tmp_path / "m.safetensors").holds
        except Unusable:  # a NaN or an infinity
            holds = False
        assert not holds or zero, "only the sign of a zero does not matter"
        refused += not holds
    assert refused > 150


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "does not begin with the length"),
        (b"\xff" * 8, "does not begin with the length"),
        (b"\x02\0\0\0\0\0\0\0[]", "header is not an object"),
        (b"\x02\0\0\0\0\0\0\0{}", "has no weight W_E"),
        (b'\x0d\0\0\0\0\0\0\0{"W_E":"abc"}', "has no dtype"),
        (b"\x02\0\0\0\0\0\0\0{x", "cannot be read"),
    ],
)
def test_files_that_are_no_weights_are_refused(tmp_path, content, sentence):
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(Unusable, match=sentence):
        read_weights(tmp_path / "w.safetensors")
    with pytest.raises(Unusable, match="not a file of weights"):
        read_weights(tmp_path / "w.onnx")


def test_fresh_samples_agree_with_true_claims_and_contradict_false_ones():
    model = copying_model(3)
    weights = weights_of(model)
    alarms = 0
    for strategy in ("iid", "hybrid", "brute-force"):
        made = certify(model, strategy, budget=100, delta=1e-3)
        predicate = made.to_json()
        for seed in range(20):
            found = fresh_samples(predicate, weights, seed)
            alarms += not found.agrees
        predicate["failure_upper"] = 0.5 * certify(model, "brute-force").failure_upper
        assert not fresh_samples(predicate, weights, 0).agrees
    assert alarms <= binom.isf(1e-6, 60, 1e-6)


def test_the_p_value_of_fresh_samples_is_the_upper_tail():
    predicate = certify(copying_model(3), "iid", budget=100, delta=1e-3).to_json()
    found = fresh_samples(predicate, weights_of(copying_model(3)), 1)
    tail = binom.sf(found.failures - 1, found.draws, predicate["failure_upper"])
    assert found.p_value == pytest.approx(tail, rel=1e-9)
    assert found.expected_at_most == pytest.approx(found.draws * predicate["failure_upper"])
    assert math.isfinite(found.p_value)


@pytest.mark.parametrize("name", ["biases", "two heads", "copying"])
def test_the_slack_covers_the_rounding_of_the_forward_pass(name):
    """Against the same sums in extended precision."""
    model = ASSORTED[name]()
    weights = weights_of(model)
    slack, tokens = slack_of(weights, 0.0), all_sequences(model.d_vocab, model.n_ctx)
    wide = {name: np.asarray(getattr(weights, name), np.longdouble) for name in WEIGHT_SHAPES}
    exact = Network(replace(weights, **wide), Slack()).logits(tokens)
    error = np.abs(Network(weights, slack).logits(tokens) - exact).max()
    assert 0 < 2 * error < slack.logits < 1e-7
    assert slack_of(replace(weights, W_Q=weights.W_Q * 1e20), 0.0).logits == math.inf
