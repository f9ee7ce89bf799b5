"""Certificates over pairs: honest ones are accepted, and forged ones refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import probbound
from probbound.check.document import canonical
from probbound.check.judge import derived_seed, judge
from probbound.check.models.registry import read_weights
from probbound.check.report import Refused
from probbound.check.tasks.pairs.recipe import recipe_of
from probbound.models.pair_mlp.training import all_margins
from probbound.tasks.group_product.groups import Group, group_named
from probbound.tasks.group_product.task import GroupProduct
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.registry import room_named
from tests.factories import through_json
from tests.forgeries import altered, resealed
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.models.pair_mlp.networks import FORMS, random_network

SHIPPED = Path(probbound.__file__).parent / "models" / "shipped"
STRATEGIES = (
    *("brute-force", "iid", "low-rank:2", "hybrid:low-rank:2", "cascade:low-rank:2"),
    *("gates:2", "hybrid:gates:2", "cascade:gates:2"),
    *("rotating-frame:2", "hybrid:rotating-frame:1", "cascade:rotating-frame:2"),
    *("entries:2", "entries:exact:2", "entries:sums:2", "entries:row-max:2"),
    *("entries:absolute:2", "entries:norm:2", "norms", "hybrid:integral", "cascade:norms"),
)
FAR = {"claim": probbound.Claim("margin", 12.5)}  # so that the rotating frame leaves something
ON_SHIPPED: dict[str, dict[str, Any]] = {
    "brute-force": {},
    "iid": {"budget": 500},
    "low-rank:10": {},
    "hybrid:low-rank:10": {"budget": 500},
    "hybrid:low-rank:11": {"budget": 3481},
    "cascade:low-rank:11": {"budget": 100},
    "cascade:low-rank:10": {"budget": 200, "target": 0.02},
    "gates:40": {},
    "hybrid:gates:40": {"budget": 60},
    "hybrid:gates:48": {"budget": 3481},
    "cascade:gates:40": {"budget": 100},
    "cascade:gates:16": {"budget": 400, "target": 0.02},
    "entries:40": {"budget": 30_000},
    "entries:sums:40": {},
    "rotating-frame:4": FAR,
    "hybrid:rotating-frame:4": FAR | {"budget": 100},
    "cascade:rotating-frame:4": FAR | {"budget": 100},
    "cascade:rotating-frame:3": FAR | {"budget": 600, "target": 0.1},
}


@pytest.fixture(scope="module")
def shipped():
    """A trained network, its weights as the checker reads them, and certificates of it."""
    model, path = probbound.load("mod-add-p59-s0"), SHIPPED / "mod-add-p59-s0.safetensors"
    made = {
        name: through_json(
            probbound.certify(model, ModularAddition(59), strategy=name, delta=0.01, **given)
        )
        for name, given in ON_SHIPPED.items()
    }
    return read_weights(path), made


@pytest.mark.parametrize("name", ON_SHIPPED)
def test_certificates_of_a_trained_network_are_accepted_with_the_same_counts(shipped, name):
    weights, made = shipped
    report = judge(made[name], weights)
    assert report.holds, report
    left = made[name]["levels"][0]["share_upper"]
    if name.startswith(("low-rank", "gates", "rotating-frame", "hybrid")):
        assert 0 < left < 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("margin", [None, 0.05, -0.3])
def test_certificates_of_any_form_are_accepted(form, margin):
    claim = probbound.Claim() if margin is None else probbound.Claim("margin", margin)
    for seed, strategy in enumerate(STRATEGIES):
        model = random_network(form, seed, 5, np.float64)
        chance = room_named("modular-addition").uses(strategy).chance
        given = {"budget": 20, "delta": 0.1} if chance else {}
        sums = seed % 2 or "low-rank" not in strategy
        task = ModularAddition(5) if sums else GroupProduct(group_named("c5"))
        made = probbound.certify(model, task, strategy=strategy, claim=claim, **given)
        report = judge(through_json(made), weights_read(model))
        assert report.holds, (strategy, report)


FORGED = {
    "certified mass": (("proof", "certified_mass"), lambda x: 1 - (1 - x) * 0.99),
    "share": (("levels", 0, "share_upper"), lambda x: x * 0.99),
    "another screen": (
        ("levels", 0, "check"),
        lambda x: "low-rank" if x == "gates" else "gates",
    ),
    "samples": (("sampling", "samples"), lambda x: x + 1),
    "draws": (("sampling", "draws"), lambda x: x + 1),
    "bound": (("bound",), lambda x: 1 - (1 - x) * 0.99),
    "failure_upper": (("failure_upper",), lambda x: x * 0.99),
    "δ": (("delta",), lambda x: x / 2 + 1e-9),
    "seed": (("seed",), lambda x: x + 1),
    "first setting": (
        ("ran", "recipe", "levels", 0),
        lambda x: x | {name: x[name] + 1 for name in list(x)[2:3]},
    ),
    "last setting": (
        ("ran", "recipe", "levels", 0),
        lambda x: x | {name: x[name] + 1 for name in list(x)[-1:]},
    ),
    "population": (("claim", "population", "size"), lambda x: x - 1),
    "operands": (("claim", "population", "sizes"), lambda x: [59, 58]),
    "network": (("claim", "network", "parts", "weights", "value"), lambda x: x + " b_U"),
    "activation": (("claim", "network", "parts", "activation", "value"), lambda x: "gelu"),
    "kind": (("claim", "kind"), lambda x: "loss"),
    "noise": (
        ("ran", "recipe", "levels", -1),
        lambda x: x | ({"noise": "row-max"} if "noise" in x else {}),
    ),
    "share drawn": (("levels", -1, "share_upper"), lambda x: x * 0.99),
}


@pytest.mark.parametrize(
    "name",
    [
        *("hybrid:low-rank:10", "low-rank:10", "cascade:low-rank:11"),
        *("hybrid:gates:40", "gates:40", "cascade:gates:40"),
        *("hybrid:rotating-frame:4", "rotating-frame:4", "cascade:rotating-frame:4"),
        *("entries:40", "entries:sums:40"),
    ],
)
@pytest.mark.parametrize("forgery", FORGED)
def test_altered_certificates_are_refused(shipped, name, forgery):
    weights, made = shipped
    path, change = FORGED[forgery]
    changed = altered(made[name], path, change)
    if canonical(changed) == canonical(made[name]) or (name, forgery) in {
        ("low-rank:10", "δ"),  # nothing is spent: another sum than its ledger's
        ("gates:40", "δ"),
        ("rotating-frame:4", "δ"),
        ("entries:sums:40", "δ"),
        ("cascade:low-rank:11", "certified mass"),
        ("cascade:gates:40", "certified mass"),
        ("cascade:rotating-frame:4", "certified mass"),
        ("entries:40", "certified mass"),
        ("entries:40", "share"),  # no pair can lose next to nothing
    }:
        return
    try:
        assert not judge(resealed(changed), weights).holds
    except Refused:
        return


@pytest.mark.parametrize("name", ["low-rank:10", "gates:40", "rotating-frame:4", "entries:sums:40"])
def test_fewer_pairs_left_with_all_that_follows_are_refused(shipped, name):
    weights, made = shipped
    predicate = copy.deepcopy(made[name])
    share = predicate["failure_upper"] - 3 / 59**2
    predicate["levels"][0]["share_upper"] = predicate["failure_upper"] = share
    predicate["bound"] = predicate["proof"]["certified_mass"] = float(np.nextafter(1 - share, 0))
    predicate["confidence_weighted"] = predicate["bound"]
    report = judge(resealed(predicate), weights)
    assert "leave a share" in report.refused[0]


@pytest.mark.parametrize("name", ["low-rank:10", "gates:40", "rotating-frame:4", "entries:sums:40"])
def test_more_pairs_left_than_the_checker_finds_are_accepted(shipped, name):
    weights, made = shipped
    predicate = copy.deepcopy(made[name])
    share = float(np.nextafter(predicate["failure_upper"] + 3 / 59**2, 1))
    predicate["levels"][0]["share_upper"] = predicate["failure_upper"] = share
    predicate["bound"] = predicate["proof"]["certified_mass"] = float(np.nextafter(1 - share, 0))
    predicate["confidence_weighted"] = predicate["bound"]
    assert judge(resealed(predicate), weights).holds


def test_a_failure_that_is_hidden_is_refused():
    model = random_network("biased", 4, 5, np.float64)
    made = through_json(
        probbound.certify(model, ModularAddition(5), strategy="iid", budget=20, delta=0.1)
    )
    failures = made["sampling"]["failures"]
    assert failures > 0
    better = through_json(
        probbound.certify(model, ModularAddition(5), strategy="iid", budget=20, delta=0.1)
    )
    for part in (better["sampling"], better["levels"][0]):
        part["failures"] = failures - 1
    report = judge(resealed(better), weights_read(model))
    assert report.refused


@pytest.mark.parametrize("name", ["brute-force", "hybrid:low-rank:10", "hybrid:gates:40"])
def test_other_weights_are_refused(shipped, name):
    _, made = shipped
    others = read_weights(SHIPPED / "mod-add-p59-s1.safetensors")
    assert "digest" in judge(made[name], others).refused[0]
    changed = altered(made[name], ("model", "sha256"), lambda _: others.digest())
    report = judge(resealed(changed), others)
    assert not report.holds


def right(model, group):
    return int((all_margins(model, group_named(group).array) > 0).sum())


def test_another_group_is_another_task():
    networks = (random_network("biased", seed, 6, np.float64) for seed in range(100))
    model = next(model for model in networks if right(model, "c6") > right(model, "s3"))
    made = through_json(
        probbound.certify(model, GroupProduct(group_named("c6")), strategy="brute-force")
    )
    assert judge(made, weights_read(model)).holds
    changed = altered(made, ("claim", "population", "group", "name"), lambda _: "s3")
    report = judge(resealed(changed), weights_read(model))
    assert "seed" in report.refused[0]
    changed["seed"] = derived_seed(changed)
    assert not judge(resealed(changed), weights_read(model)).holds


def test_a_group_has_one_form_and_one_seed():
    model, table = random_network("biased", 4, 6, np.float64), group_named("s3").array
    order = np.array([0, 2, 1, 3, 4, 5])
    moved = order[table[order][:, order]]
    seeds = set()
    for name in ("one", "two"):
        task = GroupProduct(Group.of_table(moved, name))
        made = through_json(probbound.certify(model, task, strategy="brute-force"))
        assert judge(made, weights_read(model)).holds
        seeds.add(made["seed"])
    assert len(seeds) == 1
    written = altered(made, ("claim", "population", "group", "table"), lambda _: table.tolist())
    written["claim"]["population"]["group"]["name"] = "s3"
    assert "which the name says" in judge(resealed(written), weights_read(model)).refused[0]
    sums = [
        through_json(probbound.certify(model, task, strategy="brute-force"))["seed"]
        for task in (ModularAddition(6), GroupProduct(group_named("c6")))
    ]
    assert sums[0] == sums[1]


@pytest.mark.parametrize(
    ("levels", "law"),
    [
        ([{"level": "low-rank", "mode": "enumerated"}], None),
        ([{"level": "low-rank", "mode": "enumerated", "rank": 2.0}], None),
        ([{"level": "low-rank", "mode": "enumerated", "rank": 0}], None),
        ([{"level": "low-rank", "mode": "enumerated", "rank": True}], None),
        ([{"level": "low-rank", "mode": "enumerated", "rank": 2, "levels": 8}], None),
        ([{"level": "low-rank", "mode": "enumerated", "rank": 2}], {"law": "fixed"}),
        ([{"level": "low-rank", "mode": "sampled", "rank": 2}], None),
        ([{"level": "gates", "mode": "enumerated", "rank": 2}], None),
        ([{"level": "gates", "mode": "enumerated", "rank": 2, "levels": 0}], None),
        ([{"level": "gates", "mode": "sampled", "rank": 2, "levels": 8}], None),
        ([{"level": "forward pass", "mode": "enumerated", "rank": 2}], None),
        ([{"level": "forward pass", "mode": "sampled"}], None),
        ([{"level": "forward pass", "mode": "sampled"}], {"law": "fixed", "draws": None}),
        ([{"level": "copying", "mode": "enumerated"}], None),
        (
            [
                {"level": "low-rank", "mode": "passed through", "rank": 2},
                {"level": "forward pass", "mode": "sampled"},
            ],
            {"law": "fixed"},
        ),
        (
            [
                {"level": "low-rank", "mode": "enumerated", "rank": 2},
                {"level": "forward pass", "mode": "sampled"},
            ],
            {"law": "anytime", "target": 0.5},
        ),
    ],
)
def test_no_other_recipe_is_read(levels, law):
    with pytest.raises(Refused):
        recipe_of({"levels": levels, "law": law}, {})


def test_its_arithmetic_is_that_of_pairs(shipped):
    """5.14 and chapter 8 say what rounding does to answers and screens, and no exponential."""
    weights, made = shipped
    certificate = made["brute-force"]
    assert "5.14 and chapter 8" in certificate["arithmetic"]
    of_tokens = room_named("max-of-k").arithmetic
    other = altered(certificate, ("arithmetic",), lambda _: of_tokens)
    assert any("its arithmetic is none" in why for why in judge(other, weights).refused)
