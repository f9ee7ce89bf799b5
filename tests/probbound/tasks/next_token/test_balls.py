"""Rows of deep networks, decided by balls where radii decide none (Theorem 9.14)."""

import copy
import json
import sys

import jax
import numpy as np
import pytest

import probbound
from probbound.certificates.format import sealed, statement
from probbound.certificates.model_card import page
from probbound.check.document import predicate_of
from probbound.check.judge import judge
from probbound.check.report import Refused, Unusable
from probbound.check.tasks.next_token.recipe import recipe_of
from probbound.machine.errors import UserError
from probbound.models.transformer.answering import WIDE, Spread
from probbound.models.transformer.running import outcomes
from probbound.tasks.next_token import recipes
from probbound.tasks.next_token.task import NextToken
from tests.probbound.check.models.transformer.networks import random_arrays, stated, weights
from tests.probbound.models.transformer.networks import network

DEEP = {"n_layers": 6, "windows": [None] * 6}
NUMBER, WRONG = 12, 2


def needs_flint():
    pytest.importorskip("flint", reason="make test-full installs python-flint")


def deep():
    return network(0, 1.5, "deep", **DEEP)


def tokens():
    """Rows that end in the network's answer, but for two."""
    read = np.random.default_rng(0).integers(0, 7, (NUMBER, 4))
    last = outcomes(deep(), read).argmax(axis=1)
    last[:WRONG] = (last[:WRONG] + 1) % 6
    return np.concatenate([read, last[:, None]], axis=1)


@pytest.fixture(autouse=True)
def by_operations():
    with jax.disable_jit():
        yield


@pytest.fixture
def files(tmp_path):
    np.savez(tmp_path / "rows.npz", tokens=tokens())
    return {"data": tmp_path / "rows.npz"}


def certify(arithmetic="real", **settings):
    asked = {"strategy": "brute-force", "delta": 0.1, **settings}
    return probbound.certify(deep(), NextToken(tokens(), arithmetic), **asked).to_json()


def judged(predicate, files):
    found = predicate_of(statement(predicate))
    said = stated(**DEEP)
    return judge(found, weights(said, random_arrays(said, 0, 1.5)), files=files)


def refusal(predicate, files):
    try:
        return " ".join(judged(predicate, files).refused)
    except Refused as reason:
        return str(reason)


def with_balls(predicate, bits, *, asked=True):
    """Said to have run with balls of other bits, and asked for so too, or without."""
    fields = copy.deepcopy({k: v for k, v in predicate.items() if k not in ("hex", "self_sha256")})
    for recipe in [fields["ran"]["recipe"], *([fields["recipe"]] if asked else [])]:
        level = recipe["levels"][0]
        level.pop("balls", None)
        level |= {} if bits is None else {"balls": bits}
    return sealed(fields)


def test_balls_decide_what_radii_do_not_and_the_checker_comes_to_the_same(files):
    needs_flint()
    assert certify()["failure_upper"] == 1
    made = certify(balls=192)
    assert made["failure_upper"] == pytest.approx(WRONG / NUMBER)
    assert made["claim"] == certify()["claim"]
    report = judged(made, files)
    assert report.holds
    told = "rows that radii leave open were decided by ball arithmetic of 192 bits"
    assert told in report.confirmed[-1]
    assert told in page(made)
    assert "NumPy and SciPy, and what is named above" in page(made)


def test_two_networks_and_margins_are_decided_too(files):
    needs_flint()
    claim = probbound.Claim("margin", -1e9)
    made = certify(balls=192, claim=claim)
    assert made["failure_upper"] == 0
    assert judged(made, files).holds
    same = NextToken(tokens(), "real", against=deep())
    asked = {"strategy": "brute-force", "balls": 192}
    assert probbound.certify(deep(), same, **asked).failure_upper == 0


def test_other_bits_and_no_balls_are_not_what_ran(files):
    needs_flint()
    drawn = certify(strategy="iid", budget=8, balls=192)
    assert judged(drawn, files).holds
    for bits in (None, 64, 256):
        assert "not what was asked for" in refusal(with_balls(drawn, bits, asked=False), files)
        assert "the seed is not the one" in refusal(with_balls(drawn, bits), files)
    chosen = certify(strategy="iid", budget=8, balls=192, seed=7)
    for bits in (None, 64):
        assert "counted again" in refusal(with_balls(chosen, bits), files)
    for bits in (0, 100, 8192, True, "192", 192.0):
        assert "multiple of 64" in refusal(with_balls(chosen, bits), files)
    planned = certify(strategy="auto", budget=8, balls=192)
    assert judged(planned, files).holds
    assert "counted again" in refusal(with_balls(planned, None, asked=False), files)
    weak = certify("float64")
    assert "about real numbers alone" in refusal(with_balls(weak, 192), files)


def test_without_python_flint_nothing_is_made_or_checked(files, monkeypatch):
    forged = with_balls(certify(strategy="iid", budget=8, seed=7), 192)
    monkeypatch.setitem(sys.modules, "flint", None)
    with pytest.raises(UserError, match="balls take python-flint, which is not installed"):
        certify(balls=192)
    with pytest.raises(Unusable, match="cannot be answered again without python-flint"):
        judged(forged, files)


def test_balls_are_of_no_use_to_float64():
    with pytest.raises(UserError, match="balls decide rows in real numbers"):
        certify("float64", balls=192)


@pytest.mark.parametrize("strategy", ["brute-force", "iid"])
def test_recipes_with_balls_are_read(strategy):
    made = json.loads(json.dumps(recipes.recipe_of(strategy, 48, {"balls": 192}).to_json()))
    claim = {"kind": "accuracy", "population": {"arithmetic": "real", "size": 48}}
    assert recipe_of(made, claim).balls == 192
    assert recipe_of(with_none(made), claim).balls is None


def with_none(recipe):
    levels = [{k: v for k, v in level.items() if k != "balls"} for level in recipe["levels"]]
    return {**recipe, "levels": levels}


@pytest.mark.parametrize("margin", [0.0, 0.3, -0.3])
def test_rows_are_open_where_the_answer_to_some_label_is(margin):
    random = np.random.default_rng(3)
    values = random.normal(size=(400, 4))
    radii = (
        random.exponential(size=(400, 1))
        * np.array([1e-4] * 4)
        * 2.0 ** random.integers(0, 12, (400, 1))
    )
    spread = Spread(values, radii, np.zeros(400))
    for row, open_ in enumerate(spread.open(margin)):
        low, high = values[row] - radii[row], values[row] + radii[row]
        decided = all(
            min(low[y] - high[j] for j in range(4) if j != y) > margin
            or any(high[y] - low[j] <= margin for j in range(4) if j != y)
            for y in range(4)
        )
        assert open_ == (not decided or radii[row].max() > WIDE)
    unknown = Spread(values, np.full((400, 4), np.inf), np.full(400, np.inf))
    assert unknown.open(margin).all()
