"""Every field of a certificate altered in every way: refused, or shown to be still true."""

import copy
import json
import math
import random

import pytest

import probbound
from probbound.certificates.format import canonical, predicate_of, sealed, statement
from probbound.check import Refused, Report, Unusable
from probbound.check.document import predicate_of as checked_predicate_of
from probbound.check.judge import judge
from probbound.check.tasks.max_of_k import loss_replay
from probbound.contract.claims import Claim
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.methods import cascade as cascade_module
from probbound.tasks.max_of_k.task import task_for
from tests.factories import copying_model, random_model, weights_of

QUESTIONS = {
    "hybrid": {"strategy": "hybrid", "budget": 15, "delta": 0.2},
    "hybrid of all": {"strategy": "hybrid", "budget": 900},
    "iid": {"strategy": "iid", "budget": 40, "delta": 0.01, "seed": 3},
    "cubic": {"strategy": "cubic", "grid_points": 20},
    "brute force": {"strategy": "brute-force"},
    "cascade": {"strategy": "cascade", "budget": 20, "delta": 0.1, "beacon": "public"},
    "target": {"strategy": "cascade", "budget": 20, "delta": 0.1, "target": 0.7},
    "cascade:cubic": {"strategy": "cascade:cubic", "budget": 5, "draws": 60, "delta": 0.1},
    "all through": {"strategy": "cascade:cubic", "budget": 12, "draws": 300, "delta": 0.1},
    "auto": {"strategy": "auto", "budget_flops": 5e3, "delta": 0.1},
    "chosen": {"strategy": "iid", "budget": 40, "delta": "auto"},
    "ladder": {"strategy": "hybrid:sub-cubic", "budget": 30, "delta": 0.1},
    "rung": {"strategy": "low-rank-eu:svd"},
    "hybrid of a sketch": {"strategy": "hybrid:low-rank-qk-eu:sketch", "budget": 9, "delta": 0.1},
    "cascade of a rung": {"strategy": "cascade:low-rank-qk", "budget": 9, "delta": 0.1},
    "sketch": {"strategy": "low-rank-qk:sketch", "delta": 0.1},
    "margin": {"strategy": "iid", "budget": 60, "delta": 0.1, "claim": Claim("margin", -0.5)},
    "loss": {"strategy": "iid", "budget": 60, "delta": 0.1, "claim": Claim("loss")},
    "loss of a hybrid": {"strategy": "hybrid:sub-cubic", "budget": 20, "claim": Claim("loss")},
    "loss by layers": {"strategy": "sub-cubic", "claim": Claim("loss")},
    "loss of all": {"strategy": "brute-force", "claim": Claim("loss")},
    "entries": {"strategy": "entries", "budget": 150, "delta": 0.2},
    "counted": {"strategy": "entries:counted", "budget": 400, "delta": 0.2, "paths": "joint"},
    "certain": {"strategy": "entries:exact"},
    "prior": {"strategy": "hybrid", "budget": 60, "delta": 0.1},
    "prior on a grid": {"strategy": "hybrid", "budget": 60, "delta": 0.1, "grid_points": 20},
    "prior, cubic": {"strategy": "cubic", "grid_points": 20},
    "prior, cascade": {"strategy": "cascade:cubic", "budget": 9, "draws": 60, "delta": 0.1},
}
DRAWS_CAP = 1 << 18
OF_LOSSES = ("bound", "sampling", "proof")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(cascade_module, "PILOT_DRAWS", 64)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.replay._PILOT", 64)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.replay.MOST_DRAWS", DRAWS_CAP)
    monkeypatch.setattr(loss_replay, "MOST_LOSSES", DRAWS_CAP)
    monkeypatch.setattr(loss_replay, "_layers", once_each(loss_replay._layers))
    monkeypatch.setattr("probbound.tasks.max_of_k.structured.pilot.SEQUENCES", 16)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.tolerance_choice._SEQUENCES", 16)
    monkeypatch.setattr("probbound.tasks.max_of_k.methods.entries.CASES", 256)
    monkeypatch.setattr("probbound.tasks.max_of_k.methods.entries._CASES_AT_ONCE", 256)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.entries._CASES", 256)


def once_each(layers_of):
    """Layers are the same for the weights of one test, however the rest of it is altered."""
    known = {}

    def found(case):
        asked = [case.predicate[name] for name in ("claim", "ran")]
        key = json.dumps([*asked, case.largest])
        if key not in known:
            known[key] = layers_of(case)
        return known[key]

    return found


@pytest.fixture(params=QUESTIONS)
def case(request):
    model = random_model(1, d_vocab=4) if request.param == "iid" else copying_model(1)
    prior = Prior((1, 0, 3, 4, 5, 6)) if request.param.startswith("prior") else None
    made = probbound.certify(model, task_for(model, prior), **QUESTIONS[request.param])
    return json.loads(json.dumps(made.to_json())), weights_of(model)


def places(value, path=()):
    """Every place in nested JSON, the whole first."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for number in range(len(value)):
            yield from places(value[number], (*path, number))


OTHER_TYPES = [None, True, False, 0, 1, -1, 0.5, "", "x", [], {}, [[]], {"x": 1}, 10**30, -0.0, "é"]


def altered_value(value, rng):
    """Something else in the place of a value."""
    if rng.random() < 0.25:
        return copy.deepcopy(rng.choice(OTHER_TYPES))
    if isinstance(value, bool) or value is None:
        return rng.choice([not value, 1, 0.5, 100])
    if isinstance(value, int):
        return rng.choice([value + 1, value - 1, 0, 2 * value, value // 2, -value, value ^ 1 << 20])
    if isinstance(value, float):
        step = math.nextafter(value, rng.choice([-math.inf, math.inf]))
        near = value * (1 + rng.choice([-1, 1]) * 10.0 ** rng.uniform(-15, 0))
        return rng.choice([step, near, value / 2, value * 10, -value, 0.0, 1.0, 1e-300, 1 - value])
    if isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        names = ["iid", "cubic", "hybrid", "auto", "cascade", "sampled", "enumerated", "content"]
        return rng.choice([value[:at] + "7" + value[at:], value[:at], value[at:], *names])
    if isinstance(value, list):
        return rng.choice([value[1:], value + value[-1:], value[::-1], [*value, 0]])
    key = rng.choice([*value, "new"])
    return {k: v for k, v in value.items() if k != key} if key in value else {**value, "new": 1}


def mutated(predicate, rng):
    made = copy.deepcopy(predicate)
    path = rng.choice([p for p in places(made) if p])
    part = made
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = altered_value(part[path[-1]], rng)
    return made


def verdict(found, weights, **at_hand):
    try:
        return judge(checked_predicate_of(found), weights, **at_hand)
    except (Refused, Unusable) as reason:
        return Report(refused=(str(reason),))


def resealed(predicate):
    """A forger who makes hex and digest fit again."""
    try:
        fields = {k: v for k, v in predicate.items() if k not in ("hex", "self_sha256")}
        return statement(sealed(fields))
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def twice(predicate):
    """Both copies of the fields altered alike, and the digest left alone."""
    try:
        return statement(predicate)
    except (KeyError, TypeError):
        return {}


def timeless(value):
    """Without seconds, which the digest leaves out."""
    if isinstance(value, dict):
        return {key: timeless(part) for key, part in value.items() if key != "seconds"}
    return [timeless(part) for part in value] if isinstance(value, list) else value


def as_strong(new, old):
    """Whether an accepted certificate claims more than the one it was made from."""
    same = ["claim", "guarantee", "delta", "delta_allowed", "ran", "ledger"]
    if not same_length_and(_weaker_level, new["levels"], old["levels"]):
        return False
    if new["model"]["sha256"] != old["model"]["sha256"]:
        return False
    if old["claim"]["kind"] == "loss":
        return all(_weaker_or_same(new[name], old[name]) for name in (*same, *OF_LOSSES))
    return (
        new["failure_upper"] >= old["failure_upper"] * (1 - 2e-9)
        and new["bound"] <= 1 - new["failure_upper"]
        and new["proof"]["certified_mass"] <= old["proof"]["certified_mass"] + 2e-9
        and all(_weaker_or_same(new[name], old[name]) for name in same)
    )


def same_length_and(holds, new, old):
    return len(new) == len(old) and all(map(holds, new, old))


def _weaker_level(new, old):
    """More failures are weaker, and more that was run of what was looked at as a whole (6.2)."""
    counts = {"failures", "samples"}
    more_run = old["mode"] == "enumerated" and new["samples"] >= old["samples"]
    return (
        new["failures"] >= old["failures"]
        and (new["samples"] == old["samples"] or more_run)
        and _weaker_or_same(*({k: v for k, v in x.items() if k not in counts} for x in (new, old)))
    )


def _weaker_or_same(new, old):
    if isinstance(old, dict):
        return new.keys() == old.keys() and all(_weaker_or_same(new[k], old[k]) for k in old)
    if isinstance(old, list):
        return same_length_and(_weaker_or_same, new, old)
    if isinstance(old, float):
        return math.isclose(new, old, rel_tol=2e-9) or new > old
    return new == old


def run(case, count, seed, **at_hand):
    predicate, weights = case
    original = statement(predicate)
    assert verdict(original, weights, **at_hand).holds
    rng = random.Random(seed)
    accepted = 0
    for _ in range(count):
        copies = json.loads(json.dumps(original))
        naive = mutated(copies, rng) if rng.random() < 0.5 else twice(mutated(predicate, rng))
        if canonical_or_none(timeless(naive)) != canonical(timeless(original)):
            assert not verdict(naive, weights, **at_hand).holds
            if rng.random() < 0.2:
                with pytest.raises(UserError):
                    predicate_of(naive, "it")
        forged = resealed(mutated(predicate, rng))
        if forged is not None and verdict(forged, weights, **at_hand).holds:
            accepted += 1
            assert as_strong(forged["predicate"], predicate), forged["predicate"]
    return accepted


def canonical_or_none(value):
    try:
        return canonical(value)
    except ValueError:
        return None


def test_no_alteration_passes_for_more_than_the_truth(case):
    run(case, 60, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_no_alteration_passes_for_more_than_the_truth_at_length(case, seed):
    assert run(case, 2500, seed) > 0


def test_two_alterations_at_once(case):
    predicate, weights = case
    rng = random.Random(5)
    for _ in range(40):
        try:
            forged = resealed(mutated(mutated(predicate, rng), rng))
        except (AttributeError, TypeError, IndexError, KeyError):
            continue
        if forged is not None and verdict(forged, weights).holds:
            new = forged["predicate"]
            name = "bound" if new["failure_upper"] is None else "failure_upper"
            assert new[name] >= predicate[name] * (1 - 3e-9)
            assert new["delta"] >= predicate["delta"] * (1 - 3e-9)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{}", "no format"),
        ('{"format": "probbound-certificate/1"}', "probbound-certificate/1"),
        ('{"format": "probbound-certificate/2"}', "check it with probbound 0.1.0"),
        ('{"format": "probbound-certificate/3"}', "check it with a version .*commit 98893ff"),
        ('{"format": "probbound-certificate/5"}', "probbound-certificate/5"),
        ('{"format": "probbound-certificate/4", "format": 1}', "stands twice"),
        ('{"format": NaN}', "NaN is not a number"),
        ("[" * 100_000, "cannot be read"),
        ("[]", "no format"),
        ("1" * 4301, "an integer of 4301 digits is more than any in a certificate"),
        ('{"budget": -' + "1" * 10_000 + "}", "an integer of 10001 digits"),
    ],
)
def test_what_is_no_certificate_is_refused_in_a_sentence(tmp_path, content, sentence):
    from probbound.check import read_document

    (tmp_path / "c.json").write_text(content)
    with pytest.raises(Unusable, match=sentence):
        read_document(tmp_path / "c.json")
