"""Claims of losses and divergences over rows: what is true stands, and what is forged does not."""

import math

import pytest

import probbound
from probbound.certificates.format import sealed, statement
from probbound.check.document import predicate_of
from probbound.check.judge import derived_seed, judge
from probbound.check.report import Refused, Unusable
from probbound.check.tasks.next_token.recipe import recipe_of
from probbound.models.store import save_model
from tests.forgeries import altered
from tests.probbound.check.tasks.next_token import crafted
from tests.probbound.tasks.next_token import rows


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    save_model(crafted.OTHER, folder / "other.safetensors")
    alone = dict(rows.saved(folder))
    return {"loss": alone, "kl": {**alone, "against": folder / "other.safetensors"}}


def refusal(predicate, files, kind=None):
    """What the checker says against it, if it does."""
    try:
        found = predicate_of(statement(predicate))
        at_hand = files[kind or found["claim"]["kind"]]
        report = judge(found, rows.weights(rows.model()), files=at_hand)
    except (Refused, Unusable) as reason:
        return str(reason)
    return " ".join(report.refused)


def forged(predicate, path, change, keep_seed=False):
    """Changed in one place, with hex, digest and seed made to fit."""
    made = altered(predicate, path, change)
    fields = {k: v for k, v in made.items() if k not in ("hex", "self_sha256")}
    return sealed(fields if keep_seed else fields | {"seed": derived_seed(fields)})


@pytest.mark.parametrize("arithmetic", ["real", "float64"])
@pytest.mark.parametrize("mode", ["enumerated", "sampled"])
def test_what_follows_from_the_definitions_stands(mode, arithmetic, files):
    for at in (None, 0.5, 3.0):
        assert not refusal(crafted.loss(at, mode, arithmetic), files), at
    for at in (0.003, 0.03):
        assert not refusal(crafted.near(at, mode, arithmetic), files), at


OF_A_LOSS = {
    "bound": (("bound",), lambda x: x * 0.999),
    "certain bound": (("proof", "loss_upper"), lambda x: x * 0.999),
    "largest loss": (("proof", "largest_loss"), lambda x: x * 0.999),
    "half the largest": (("proof", "largest_loss"), lambda x: x / 2),
    "confidence weighted": (("confidence_weighted",), lambda x: x * 0.999),
    "share": (("levels", 0, "share_upper"), lambda x: x * 0.999),
    "mode": (("levels", 0, "mode"), lambda x: "sampled" if x == "enumerated" else "enumerated"),
    "check": (("levels", 0, "check"), lambda _: "tables"),
    "no levels": (("levels",), lambda _: []),
    "two levels": (("levels",), lambda x: [*x, *x]),
    "samples of a level": (("levels", 0, "samples"), lambda x: x + 1),
    "failures of a level": (("levels", 0, "failures"), lambda x: x + 1),
    "draws": (("sampling", "draws"), lambda x: x + 1),
    "samples": (("sampling", "samples"), lambda x: x + 1),
    "failures": (("sampling", "failures"), lambda _: 0),
    "replacement": (("sampling", "replace"), lambda x: not x),
    "mean": (("sampling", "mean_loss"), lambda x: 1.0 if x is None else x * 0.999),
    "other mean": (("sampling", "mean_loss"), lambda x: 1.0 if x is None else None),
    "delta": (("delta",), lambda x: x / 2 if x else 0.01),
    "no ledger": (("ledger",), lambda x: [] if x else [SPEND]),
    "another spend": (("ledger",), lambda x: [*x, SPEND]),
    "guarantee": (
        ("guarantee",),
        lambda x: "deterministic" if x.startswith("high") else "high-probability",
    ),
    "interrupted": (("stopped_at",), lambda _: 20),
    "a chosen delta": (("delta_chosen",), lambda _: True),
    "a target": (("ran", "recipe", "law"), lambda _: TARGET),
    "a larger budget": (("ran", "budget"), lambda x: (x or 0) + 1),
    "at nothing": (("claim", "at"), lambda _: 0.0),
    "at less than nothing": (("claim", "at"), lambda _: -1.0),
    "an accuracy": (("claim", "kind"), lambda _: "accuracy"),
    "a margin": (("claim", "kind"), lambda _: "margin"),
    "a divergence": (("claim", "kind"), lambda _: "kl"),
    "failure rate": (("failure_upper",), lambda _: 0.5),
    "certified mass": (("proof", "certified_mass"), lambda _: 0.5),
}
OF_A_DIVERGENCE = {
    "bound": (("bound",), lambda x: x * 1.001),
    "failure rate": (("failure_upper",), lambda x: x * 0.999),
    "certified mass": (("proof", "certified_mass"), lambda x: x + 0.01),
    "failures": (("sampling", "failures"), lambda x: x - 1 if x else 1),
    "nearer": (("claim", "at"), lambda _: 1e-4),
    "at nothing": (("claim", "at"), lambda _: None),
    "at less than nothing": (("claim", "at"), lambda _: -0.1),
    "at minus zero": (("claim", "at"), lambda _: -0.0),
    "a margin": (("claim", "kind"), lambda _: "margin"),
    "an accuracy at something": (("claim", "kind"), lambda _: "accuracy"),
    "a loss": (("claim", "kind"), lambda _: "loss"),
    "alone": (("claim", "population", "against"), lambda _: None),
    "largest loss": (("proof", "largest_loss"), lambda _: 1.0),
    "mean": (("sampling", "mean_loss"), lambda _: 1.0),
    "arithmetic": (("claim", "population", "agreement"), lambda _: 2.0**-20),
    "mode": (("levels", 0, "mode"), lambda x: "sampled" if x == "enumerated" else "enumerated"),
}
SPEND = {
    "statement": "nothing was lost",
    "method": "betting",
    "theorem": "9.10",
    "delta": 0.01,
    "log_delta": math.log(0.01),
    "samples": 1,
}
TARGET = {"law": "without replacement, anytime", "target": 0.5}
IN_THE_LEDGER = {
    "statement": lambda x: x.replace("losses", "gains"),
    "method": lambda _: "hoeffding",
    "theorem": lambda _: "1.14",
    "delta": lambda x: x / 2,
    "log_delta": lambda x: x * 2,
    "samples": lambda x: x + 1,
}


@pytest.mark.parametrize("at", [None, 0.5])
@pytest.mark.parametrize("mode", ["enumerated", "sampled"])
def test_a_loss_that_claims_more_is_refused(mode, at, files):
    made = crafted.loss(at, mode)
    for name, (path, change) in OF_A_LOSS.items():
        assert refusal(forged(made, path, change), files, "loss"), name
    for name, change in IN_THE_LEDGER.items() if mode == "sampled" else ():
        assert refusal(forged(made, ("ledger", 0, name), change), files), name


@pytest.mark.parametrize("mode", ["enumerated", "sampled"])
def test_a_divergence_that_claims_more_is_refused(mode, files):
    made = crafted.near(0.03, mode)
    for name, (path, change) in OF_A_DIVERGENCE.items():
        assert refusal(forged(made, path, change), files, "kl"), name
    assert refusal(made, files, "loss")


def test_what_claims_less_stands(files):
    assert not refusal(crafted.loss(raised=1.5), files)
    assert not refusal(crafted.loss(raised=1.5, mode="enumerated"), files)
    made = crafted.loss(0.5)
    more = forged(made, ("bound",), lambda x: min(1.01 * x, 0.5))
    more = forged(more, ("confidence_weighted",), lambda x: 1.02 * x)
    assert not refusal(more, files)


def test_other_draws_than_those_of_the_question_are_refused(files):
    for made in (crafted.loss(0.5), crafted.near()):
        other = forged(made, ("seed",), lambda x: x + 1, keep_seed=True)
        assert "not the one that follows" in refusal(other, files)


def test_luckier_draws_under_a_seed_by_hand_are_answered_again(files):
    for made in (crafted.loss(0.5), crafted.near()):
        by_hand = forged(made, ("seed_source",), lambda _: "chosen", keep_seed=True)
        assert not refusal(by_hand, files)
        seeds = range(1, 9)
        others = [forged(by_hand, ("seed",), lambda _, s=s: s, keep_seed=True) for s in seeds]
        found = " ".join(refusal(other, files) for other in others)
        assert "computed again" in found or "counted again" in found


def test_a_loss_cut_at_another_number_is_another_claim(files):
    made = crafted.loss(0.5, "enumerated")
    for at in (0.6, 5.0, None):
        assert "computed again" in refusal(
            forged(made, ("claim", "at"), lambda _, at=at: at), files
        )
    lower = forged(made, ("claim", "at"), lambda _: 0.4)
    assert not refusal(lower, files), "what is cut lower has a lesser mean"


def test_laws_of_a_mean_loss():
    levels = [{"level": "forward pass", "mode": "sampled"}]
    drawn = {"levels": levels, "law": {"law": "without replacement"}}
    assert recipe_of(drawn, {"kind": "accuracy"}).may_stop
    assert recipe_of(drawn, {"kind": "kl"}).may_stop
    assert not recipe_of(drawn, {"kind": "loss"}).may_stop
    target = {"levels": levels, "law": TARGET}
    assert recipe_of(target, {"kind": "kl"}).may_stop
    with pytest.raises(Refused, match="with no target"):
        recipe_of(target, {"kind": "loss"})


@pytest.mark.parametrize("arithmetic", ["real", "float64"])
@pytest.mark.parametrize(
    "asked",
    [
        {"strategy": "brute-force"},
        {"strategy": "iid", "budget": 30},
        {"strategy": "iid", "budget": 0},
        {"strategy": "iid", "budget": 48},
        {"strategy": "auto", "budget_flops": 4e4},
    ],
)
def test_what_the_maker_makes_stands(asked, arithmetic, files):
    for claim in (
        probbound.Claim("loss"),
        probbound.Claim("loss", 0.5),
        probbound.Claim("kl", 0.03),
    ):
        against = crafted.OTHER if claim.kind == "kl" else None
        task = rows.task(arithmetic=arithmetic, against=against)
        made = probbound.certify(rows.model(), task, claim=claim, delta=0.1, **asked)
        assert not refusal(made.to_json(), files)
