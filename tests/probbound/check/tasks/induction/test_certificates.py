"""Certificates of induction: honest ones are accepted, and forged ones refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import probbound
from probbound.check.document import canonical
from probbound.check.judge import derived_seed, judge
from probbound.check.report import Refused
from probbound.tasks.registry import task_for
from tests.factories import through_json
from tests.forgeries import altered, resealed
from tests.probbound.check.tasks.induction.networks import noisy, weights_read
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)

NETWORKS = {
    "noisy": noisy,
    "sharp": lambda: inducing_network(v=5, n=6),
    "two heads": lambda: inducing_network(v=4, n=5, heads=2),
    "three layers": lambda: random_network(1, layers=3),
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "all": {"strategy": "brute-force"},
    "iid": {"strategy": "iid", "budget": 60},
    "pairs": {"strategy": "pairs"},
    "tree": {"strategy": "tree:20"},
    "hybrid": {"strategy": "hybrid", "budget": 50},
    "hybrid of all": {"strategy": "hybrid", "budget": 5000},
    "hybrid of a tree": {"strategy": "hybrid:tree:30", "budget": 20},
    "cascade": {"strategy": "cascade", "budget": 100},
    "draws": {"strategy": "cascade", "budget": 60, "draws": 300},
    "target": {"strategy": "cascade", "budget": 300, "target": 0.6},
    "interrupted": {"strategy": "cascade", "budget": 100, "stopped_at": 70},
    "soft": {"strategy": "cascade:soft", "budget": 100},
    "soft, target": {"strategy": "cascade:soft", "budget": 300, "target": 0.6},
    "auto by pairs": {"strategy": "auto", "budget_flops": 3e6},
    "auto by look-ups": {"strategy": "auto", "budget_flops": 1.5e6, "about": "any"},
    "auto by draws": {"strategy": "auto", "budget_flops": 5e5},
    "any": {"strategy": "iid", "budget": 60, "about": "any"},
    "any, tree": {"strategy": "hybrid:tree:25", "budget": 20, "about": "any"},
    "any, cascade": {"strategy": "cascade", "budget": 40, "about": "any"},
    "any, soft": {"strategy": "cascade:soft", "budget": 40, "about": "any"},
    "nothing": {"strategy": "iid", "budget": 0},
    "beacon": {"strategy": "hybrid", "budget": 30, "beacon": "public"},
}


def certified(model, *, about="once", margin=None, **asked):
    claim = probbound.Claim() if margin is None else probbound.Claim("margin", margin)
    delta = {} if asked["strategy"] in ("brute-force", "pairs", "tree:20") else {"delta": 0.01}
    task = task_for(model, task=f"induction:{about}")
    return through_json(probbound.certify(model, task, claim=claim, **delta, **asked))


@pytest.fixture(scope="module")
def made():
    """Certificates of the noisy network, and its weights."""
    return weights_read(noisy()), {name: certified(noisy(), **q) for name, q in QUESTIONS.items()}


@pytest.mark.parametrize("name", QUESTIONS)
def test_honest_certificates_are_accepted(made, name):
    weights, found = made
    report = judge(found[name], weights)
    assert report.holds, report


def test_the_questions_ask_for_every_plan_and_something_is_left(made):
    _, found = made
    ran = {name: found[name]["ran"]["recipe"]["levels"][0]["level"] for name in found}
    assert ran["auto by pairs"] == "pairs"
    assert ran["auto by draws"] == "forward pass"
    for name in ("pairs", "tree", "hybrid", "hybrid of a tree", "any, tree"):
        assert 0 < found[name]["levels"][0]["share_upper"] < 1
    for name in ("iid", "hybrid", "hybrid of all", "cascade", "any, tree"):
        assert found[name]["sampling"]["failures"] > 0


@pytest.mark.parametrize("margin", [None, 1.0, -2.0])
@pytest.mark.parametrize("network", list(NETWORKS)[1:])
def test_certificates_of_other_networks_are_accepted(network, margin):
    model = NETWORKS[network]()
    weights = weights_read(model)
    for name, question in QUESTIONS.items():
        if network != "sharp" and ("pairs" in name or "look-ups" in name):
            continue
        if network != "sharp" and question["strategy"] in ("hybrid", "cascade", "cascade:soft"):
            continue
        report = judge(certified(model, margin=margin, **question), weights)
        assert report.holds, (name, report)


FORGED = {
    "bound": (("bound",), lambda x: 1 - (1 - x) * 0.99),
    "failure_upper": (("failure_upper",), lambda x: x * 0.99),
    "certified mass": (("proof", "certified_mass"), lambda x: 1 - (1 - x) * 0.99),
    "share": (("levels", 0, "share_upper"), lambda x: x * 0.99),
    "share drawn": (("levels", -1, "share_upper"), lambda x: x * 0.99),
    "another level": (("levels", 0, "check"), lambda x: "tree" if x != "tree" else "pairs"),
    "mode": (("levels", -1, "mode"), lambda x: "sampled" if x != "sampled" else "enumerated"),
    "failures of a level": (("levels", -1, "failures"), lambda x: x - 1),
    "log δ": (("levels", -1, "log_delta"), lambda x: -1.0 if x is None else x / 2),
    "draws": (("sampling", "draws"), lambda x: x + 1),
    "samples": (("sampling", "samples"), lambda x: x + 1),
    "failures": (("sampling", "failures"), lambda x: x - 1),
    "replace": (("sampling", "replace"), lambda x: not x),
    "δ": (("delta",), lambda x: x / 2 + 1e-9),
    "δ allowed": (("delta_allowed",), lambda x: x * 2),
    "δ chosen": (("delta_chosen",), lambda x: True),
    "guarantee": (
        ("guarantee",),
        lambda x: "deterministic" if x != "deterministic" else "high-probability",
    ),
    "seed": (("seed",), lambda x: x + 1),
    "beacon": (("beacon",), lambda x: "another"),
    "budget": (("ran", "budget"), lambda x: 3 if x is None else x + 1),
    "what ran": (
        ("ran", "recipe"),
        lambda x: {"levels": [{"level": "forward pass", "mode": "enumerated"}], "law": None},
    ),
    "nodes": (
        ("ran", "recipe", "levels", 0),
        lambda x: x | ({"nodes": x["nodes"] + 1} if "nodes" in x else {"nodes": 1}),
    ),
    "stopped_at": (("stopped_at",), lambda x: 5 if x is None else x - 1),
    "size": (("claim", "population", "size"), lambda x: x + 1),
    "repeats": (
        ("claim", "population", "repeats"),
        lambda x: "any" if x == "once" else "once",
    ),
    "tokens": (("claim", "population", "d_vocab"), lambda x: x - 1),
    "positions": (("claim", "population", "n_ctx"), lambda x: x - 1),
    "kind": (("claim", "kind"), lambda x: "loss"),
    "margin": (("claim", "at"), lambda x: 0.5),
    "task": (("claim", "task"), lambda x: "modular-addition"),
    "network": (("claim", "network", "parts", "n_layers", "value"), lambda x: x + 1),
    "arithmetic": (("arithmetic",), lambda x: x.replace("10", "9")),
    "weights": (("model", "sha256"), lambda x: "0" * 64),
    "operations": (("budget_flops",), lambda x: 1e6 if x is None else x * 2),
}


@pytest.mark.parametrize(
    "name", ["all", "iid", "pairs", "tree", "hybrid", "hybrid of all", "cascade", "auto by pairs"]
)
@pytest.mark.parametrize("forgery", FORGED)
def test_altered_certificates_are_refused(made, name, forgery):
    weights, found = made
    path, change = FORGED[forgery]
    try:
        changed = altered(found[name], path, change)
        if canonical(changed) == canonical(found[name]):
            return
        report = judge(resealed(changed), weights)
    except (Refused, probbound.UserError):
        return
    weaker = {("iid", "certified mass"), ("cascade", "certified mass"), ("cascade", "share")}
    no_chance = found[name]["guarantee"] == "deterministic" and forgery in ("seed", "δ allowed")
    assert (name, forgery) in weaker or no_chance or not report.holds, report


@pytest.mark.parametrize("forgery", ["claim", "size"])
def test_a_seed_that_follows_does_not_make_another_claim_true(made, forgery):
    weights, found = made
    changed = copy.deepcopy(found["pairs"])
    if forgery == "claim":
        changed["claim"] |= {"kind": "margin", "at": 3.0}
    else:
        changed["claim"]["population"] |= {"repeats": "any"}
    changed["seed"] = derived_seed(changed)
    assert not judge(resealed(changed), weights).holds


def test_fewer_sequences_left_with_all_that_follows_are_refused(made):
    weights, found = made
    for name in ("pairs", "tree", "all"):
        predicate = copy.deepcopy(found[name])
        share = predicate["failure_upper"] - 1 / predicate["claim"]["population"]["size"]
        predicate["levels"][0]["share_upper"] = predicate["failure_upper"] = share
        predicate["bound"] = predicate["proof"]["certified_mass"] = float(
            np.nextafter(1 - share, 0)
        )
        predicate["confidence_weighted"] = predicate["bound"]
        assert "leave a share" in judge(resealed(predicate), weights).refused[0]


def test_more_sequences_left_than_the_checker_finds_are_accepted(made):
    weights, found = made
    predicate = copy.deepcopy(found["pairs"])
    share = float(np.nextafter(predicate["failure_upper"] + 1 / 324, 1))
    predicate["levels"][0]["share_upper"] = predicate["failure_upper"] = share
    predicate["bound"] = predicate["proof"]["certified_mass"] = float(np.nextafter(1 - share, 0))
    predicate["confidence_weighted"] = predicate["bound"]
    assert judge(resealed(predicate), weights).holds


def test_draws_of_sets_with_blank_numbers_are_made_again(monkeypatch):
    """Sets of more than 2^53 sequences, half of them taken to be proved by both sides."""
    model = random_network(3, v=9, n=24, layers=1)

    def half(label):
        return label % 2 == 0

    monkeypatch.setattr(
        "probbound.models.transformer.attention_alone.filling.Fillings.right",
        lambda self, allowed, label, margin: half(label),
    )
    monkeypatch.setattr(
        "probbound.check.models.transformer.alone.filling.right",
        lambda form, allowed, label, margin: half(label),
    )
    for about in ("once", "any"):
        made = certified(model, strategy="hybrid:tree:300", budget=200, about=about)
        assert 0 < made["levels"][0]["share_upper"] < 1
        assert 0 < made["sampling"]["failures"] < 200
        report = judge(made, weights_read(model))
        assert report.holds, report
