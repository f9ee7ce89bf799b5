"""Own claims that somebody alters after the draws, digest and hex made to fit again: refused."""

import base64
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest

from probbound import Cheap, Left, Listed, Product
from probbound.certificates.format import sealed, statement
from probbound.check import Refused, Report, Unusable
from probbound.check.document import predicate_of
from probbound.check.own.claim import derived_seed
from probbound.check.own.judge import judge_own
from tests.own_claims import HEAVY, MIXED, Asked, cheap, good, kinder, measure

LIST = Asked("share", HEAVY, good, {"budget": 40, "side": "two"})
PAIRS = Asked("share", Product(30, 30), good, {"budget": 90})
CASCADE = Asked(
    "share",
    Product(3000),
    good,
    {"budget": 60, "draws": 300, "strategy": "cascade"},
    (Left("s", Listed(list(range(1000)))), Cheap("c", cheap)),
)
MEAN = Asked("mean", Product(30, 30), measure, {"budget": 90, "side": "two"})
STRATA = Asked("share", MIXED, good, {"budget": 60})
FAMILY = Asked("family", Product(900), {"a": good, "b": kinder}, {"budget": 90})
STOPPED = Asked("share", Product(3000), good, {"budget": 500, "stopped_at": 200})


def counted(predicate, by=-1):
    """Other failures, and statements that say so."""
    part = predicate["parts"][0]
    level = part["levels"][-1]
    before = level["failures"]
    level["failures"] += by
    predicate["sampling"]["failures"] += by
    for row in predicate["ledger"]:
        row["statement"] = row["statement"].replace(f"{before} of", f"{before + by} of", 1)


def lower_the_count(predicate):
    counted(predicate)


def take_no_notice_of_failures(predicate):
    counted(predicate, -predicate["parts"][0]["levels"][-1]["failures"])


def narrow(predicate):
    part, bound = predicate["parts"][0], predicate["failure_upper"] * (1 - 1e-6)
    part["upper"] = [bound]
    part["levels"][-1]["share_upper"] = predicate["failure_upper"] = bound
    predicate["results"][0]["upper"] = bound
    predicate["bound"] = 1 - bound


def raise_the_bound(predicate):
    predicate["bound"] += 1e-9


def raise_the_weighted_bound(predicate):
    predicate["confidence_weighted"] += 1e-9


def another_seed(predicate):
    predicate["seed"] ^= 1


def a_chosen_seed(predicate):
    predicate["seed"], predicate["seed_source"] = 5, "chosen"


def more_draws(predicate):
    for part in predicate["parts"]:
        part["draws"] += 1
        part["looks"] += 1
        part["levels"][-1]["samples"] += 1


def another_budget(predicate):
    more_draws(predicate)
    predicate["budget"] += 1
    predicate["seed"] = derived_seed(predicate)


def another_population(predicate):
    predicate["claim"]["population"]["sizes"] = [30, 29]


def another_digest(predicate):
    predicate["claim"]["population"]["sha256"] = "0" * 64


def lighter(predicate):
    """The weight of the member that fails lowered, that of another raised."""
    weights = predicate["claim"]["population"]["weights"]
    weights[0], weights[1] = weights[0] - 1, weights[1] + 1


def another_side(predicate):
    predicate["claim"]["side"] = "lower" if predicate["claim"]["side"] == "upper" else "upper"


def another_side_asked_so(predicate):
    another_side(predicate)
    predicate["seed"] = derived_seed(predicate)


def less_delta(predicate):
    predicate["delta"] /= 2


def more_delta_allowed(predicate):
    predicate["delta_allowed"] = 0.5


def a_ledger_of_less(predicate):
    predicate["ledger"] = predicate["ledger"][:1]
    predicate["delta"] = predicate["ledger"][0]["delta"]


def deterministic(predicate):
    predicate["ledger"], predicate["delta"], predicate["guarantee"] = [], 0.0, "deterministic"


def without_a_level(predicate):
    predicate["parts"][0]["levels"].pop(0)


def without_a_cheap_check(predicate):
    predicate["parts"][0]["levels"].pop(1)
    predicate["claim"]["cheap"] = []


def with_replacement(predicate):
    part = predicate["parts"][0]
    part["replace"], part["distinct"] = True, None
    predicate["sampling"]["replace"] = True


def other_members(predicate):
    predicate["parts"][0]["distinct"] -= 1


def listed(predicate):
    part = predicate["parts"][0]
    part |= {"mode": "listed", "rest": None, "draws": 0, "distinct": part["members"]}


def take_more_for_certain(predicate):
    taken = predicate["parts"][0]["take_all"]
    taken["members"] += 1
    taken["tickets"] += 20


def take_none_for_certain(predicate):
    predicate["parts"][0]["take_all"] = None


def leave_less(predicate):
    predicate["claim"]["left"]["share"] = [1, 6]
    level = predicate["parts"][0]["levels"][0]
    level["samples"], level["share_upper"] = 6000, 1 / 6
    predicate["parts"][0]["share"] = [1, 6]
    predicate["seed"] = derived_seed(predicate)


def a_wider_share(predicate):
    predicate["parts"][0]["share"] = [1, 1000]


def more_came_to_it(predicate):
    predicate["parts"][0]["levels"][-1]["samples"] += 100


def other_names(predicate):
    predicate["results"][0]["name"] = "another claim"


def another_identity(predicate):
    predicate["claim"]["checks"][0]["sha256"] = "0" * 64


def another_identity_asked_so(predicate):
    another_identity(predicate)
    predicate["seed"] = derived_seed(predicate)


def without_an_identity(predicate):
    predicate["claim"]["checks"][0] |= {"identity": "none", "sha256": None}
    predicate["seed"] = derived_seed(predicate)


def a_part_less(predicate):
    predicate["parts"].pop()


def other_shares(predicate):
    predicate["claim"]["population"]["strata"][2]["weight"] += 1


def one_claim_less(predicate):
    predicate["claim"]["checks"].pop()
    predicate["results"].pop()


def not_interrupted(predicate):
    predicate["parts"][0]["stopped_at"] = None


def stopped_elsewhere(predicate):
    predicate["parts"][0]["stopped_at"] += 50
    predicate["parts"][0]["levels"][-1]["samples"] += 50
    for row in predicate["ledger"]:
        row["samples"] += 50
        row["statement"] = row["statement"].replace(" of 200", " of 250")


def values_with(predicate, change):
    values = predicate["parts"][0]["values"]
    held = np.frombuffer(base64.b64decode(values["base64"]), dtype="<f8").copy()
    content = change(held).tobytes()
    values["base64"] = base64.b64encode(content).decode()
    values["sha256"] = hashlib.sha256(content).hexdigest()


def smaller_values(predicate):
    values_with(predicate, lambda held: held / 2)


def values_outside(predicate):
    values_with(predicate, lambda held: held - 2)


def values_of_nobody(predicate):
    predicate["parts"][0]["values"] |= {"base64": None}


def a_little_less(predicate):
    """Few values a little lower, and with them the digest; the bound is as before."""
    values_with(predicate, lambda held: np.where(held > 0.9, 0.75, held))


def narrow_mean(predicate):
    part, bound = predicate["parts"][0], predicate["mean_upper"] * (1 - 1e-6)
    part["upper"] = [bound]
    predicate["mean_upper"] = predicate["results"][0]["upper"] = predicate["bound"] = bound


def other_items(predicate):
    another_digest(predicate)
    predicate["seed"] = derived_seed(predicate)


ASKED = {
    "pairs": PAIRS,
    "list": LIST,
    "cascade": CASCADE,
    "mean": MEAN,
    "strata": STRATA,
    "family": FAMILY,
    "stopped": STOPPED,
}
SEEN = {
    "pairs": [
        narrow,
        raise_the_bound,
        raise_the_weighted_bound,
        another_seed,
        more_draws,
        another_budget,
        another_population,
        another_side,
        another_side_asked_so,
        less_delta,
        more_delta_allowed,
        a_ledger_of_less,
        deterministic,
        without_a_level,
        with_replacement,
        other_members,
        listed,
        other_names,
        another_identity,
        without_an_identity,
        a_part_less,
    ],
    "list": [
        another_digest,
        lighter,
        take_more_for_certain,
        take_none_for_certain,
        another_side_asked_so,
        other_members,
    ],
    "cascade": [
        without_a_level,
        without_a_cheap_check,
        a_wider_share,
        more_came_to_it,
        more_draws,
    ],
    "mean": [smaller_values, values_outside, values_of_nobody, more_draws, narrow_mean],
    "strata": [a_part_less, other_shares, a_wider_share, less_delta, other_members],
    "family": [one_claim_less, other_names, less_delta, raise_the_bound],
    "stopped": [not_interrupted, stopped_elsewhere, raise_the_bound],
}
# What nobody can see without the user's functions: it holds only if the counts are as stated.
UNSEEN = {
    "pairs": [lower_the_count, take_no_notice_of_failures, another_identity_asked_so],
    "list": [lower_the_count, other_items],
    "cascade": [lower_the_count, leave_less],
    "mean": [a_little_less],
    "stopped": [lower_the_count],
}


@pytest.fixture(scope="module")
def made():
    return {name: asked.certify() for name, asked in ASKED.items()}


def verdicts(asked, forged):
    """Without the user's functions and with them, of a forger's file."""
    file = json.loads(json.dumps(statement(sealed(forged))))
    try:
        predicate = predicate_of(file)
    except Refused as refusal:
        return Report(refused=(str(refusal),)), Report(refused=(str(refusal),))
    try:
        again = asked.replay(predicate)
    except Unusable as reason:
        again = Report(refused=(str(reason),))
    return judge_own(predicate), again


def forged(predicate, change):
    found = json.loads(json.dumps(predicate))
    change(found)
    return {key: found[key] for key in found if key not in ("hex", "self_sha256")}


@pytest.mark.parametrize(("name", "change"), [(n, c) for n, cs in SEEN.items() for c in cs])
def test_what_was_altered_is_refused(made, name, change):
    without, again = verdicts(ASKED[name], forged(made[name], change))
    assert without.status == 1, without
    assert again.status == 1
    assert len(without.refused) == 1


@pytest.mark.parametrize(("name", "change"), [(n, c) for n, cs in UNSEEN.items() for c in cs])
def test_what_only_answers_can_tell_is_refused_with_the_functions(made, name, change):
    without, again = verdicts(ASKED[name], forged(made[name], change))
    assert without.status in (1, 4), without
    assert again.status == 1


def test_what_was_made_stands_after_the_same_handling(made):
    for name, predicate in made.items():
        without, again = verdicts(ASKED[name], forged(predicate, lambda found: None))
        assert (without.status, again.status) == (4, 0), without.refused


def test_another_object_is_not_what_the_certificate_is_about(made):
    other_population = replace(PAIRS, population=Product(30, 31))
    other_check = replace(PAIRS, check=kinder)
    for asked in (other_population, other_check):
        report = asked.replay(made["pairs"])
        assert report.status == 1
        assert report.refused[0].startswith(("claims.py:CLAIM has another", "'good' of claims.py"))
    other_list = replace(LIST, population=Listed(list(range(1, 101)), weights=HEAVY.weights))
    assert "another population" in other_list.replay(made["list"]).refused[0]
    other_left = (Left("s", Listed(list(range(999)))), CASCADE.screens[1])
    assert replace(CASCADE, screens=other_left).replay(made["cascade"]).status == 1


def test_a_name_is_no_handle(made):
    """The seed follows from no name, so that another one makes no other draws."""
    renamed = forged(made["pairs"], lambda found: found["claim"].update(name="another"))
    without, again = verdicts(PAIRS, renamed)
    assert (without.status, again.status) == (4, 0)


def test_work_is_said_before_it_is_done(made):
    def endless(predicate):
        n = 1 << 36
        predicate["claim"]["population"] = {"kind": "product", "sizes": [1 << 60]}
        predicate["budget"] = n
        predicate["seed"] = derived_seed(predicate)
        part = predicate["parts"][0]
        part |= {"members": 1 << 60, "tickets": 1 << 60, "rest": 1 << 60, "draws": n}
        part |= {"replace": True, "distinct": None, "looks": n}
        part["levels"][0] |= {"samples": n}
        predicate["sampling"] |= {"draws": n, "looks": n, "replace": True}
        predicate["cost"]["looks"] = n

    without, again = verdicts(PAIRS, forged(made["pairs"], endless))
    assert (without.status, again.status) == (3, 3)
    assert "--patient" in without.declined[0]


def test_populations_beyond_all_measure_are_answered_at_once(made, monkeypatch):
    monkeypatch.setattr("probbound.check.own.populations.MOST_STRATA", 100)

    def wide(predicate):
        predicate["claim"]["population"]["sizes"] = [1 << 62] * 9000

    def long(predicate):
        sizes = [1] * 9000
        predicate["claim"]["population"] = {"kind": "product", "sizes": [30, 30, *sizes]}
        predicate["seed"] = derived_seed(predicate)

    def layered(predicate):
        plain = predicate["claim"]["population"]
        strata = [{"weight": 1, "population": plain} for _ in range(101)]
        predicate["claim"]["population"] = {"kind": "strata", "strata": strata}

    def endless(predicate):
        predicate["budget"] = 10**4000
        predicate["seed"] = derived_seed(predicate)

    for change, status in ((wide, 1), (long, 3), (layered, 3), (endless, 1)):
        _, again = verdicts(PAIRS, forged(made["pairs"], change))
        assert again.status in (1, status)
