"""Whatever is given in place of a number, every public estimator answers or says what is wrong.

In one sentence, an `EstimatorError`, and without a warning. `VALID` holds a call of each of them.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import warnings
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import estimators
from estimators import EstimatorError, cascade, posterior, stratified
from estimators.confidence import one_log_delta, resolve_log_delta

SAMPLES = {"samples": [0.2, 0.4, 0.1], "delta": 0.1}
COUNTS = {"k": 1, "n": 5, "delta": 0.1}
VALID: dict[str, dict[str, Any]] = {
    "mean.hoeffding": {**SAMPLES, "planned": 3, "low": -1.0, "high": 2.0},
    "mean.hoeffding_serfling": {**SAMPLES, "population": 9},
    "mean.empirical_bernstein": {**SAMPLES, "population": 9},
    "mean.empirical_bernstein_serfling": {**SAMPLES, "population": 9},
    "mean.betting": {**SAMPLES, "population": 9, "planned": 3, "low": -1.0, "high": 2.0},
    "mean.betting_sequence": {**SAMPLES, "population": 9},
    "proportion.clopper_pearson": COUNTS,
    "proportion.hypergeometric": {**COUNTS, "population": 9},
    "proportion.anytime": {**COUNTS, "population": 9},
    "quantile.order_statistic": {**SAMPLES, "q": 0.5, "population": 9, "low": 0.0, "high": 1.0},
    "quantile.exceedance": {**SAMPLES, "threshold": 0.3, "population": 9},
    "quantile.dkw": {**SAMPLES, "at": [0.3]},
    "cascade.product": {"levels": [cascade.Sampled(1, 5)], "shares": [1.0], "delta": 0.1},
    "stratified.mean": {"strata": [stratified.Stratum(1.0, [0.2])], "delta": 0.1, "low": -1.0},
    "stratified.proportion": {"strata": [stratified.StratumCounts(1.0, 1, 5)], "delta": 0.1},
    "stratified.neyman_allocation": {
        "weights": [0.5, 0.5],
        "pilot_std": [1.0, 2.0],
        "budget": 9,
        "at_least": 1,
    },
    "importance.importance": {
        **SAMPLES,
        "target": [0.1, 0.2, 0.3],
        "proposal": [0.2, 0.2, 0.3],
        "weight_max": 2.0,
        "anchor": 0.1,
        "planned": 3,
    },
    "tiles.share": {"counts": [1, 0], "side": 2, "delta": 0.1},
    "tiles.effective_cells": {"counts": [1, 0], "side": 2},
    "sketch.row_norms": {"norms": [1.0, 2.0], "columns": 5, "delta": 0.1},
    "sketch.frobenius_norm": {"norm": 1.0, "columns": 5, "delta": 0.1},
    "sketch.spectral_pivot": {"columns": 5, "delta": 0.1},
    "sketch.chi_square_floor": {"degrees": 5, "log_probability": -1.0},
    "posterior.jeffreys_share": COUNTS,
    "posterior.hierarchical_share": {"k": [1], "n": [5], "weights": [1.0], "delta": 0.1},
    "posterior.pareto_tail": {
        "samples": np.arange(40.0),
        "threshold": 20.0,
        "exceedance": 0.01,
        "delta": 0.1,
    },
    "heuristic.normal_mean": SAMPLES,
    "heuristic.independent_sum": {"entries": [0.2, 0.4], "count": 3, "delta": 0.1},
    "confidence.resolve_log_delta": {"delta": 0.1},
    "confidence.one_log_delta": {"delta": 0.1},
}
NO_NUMBER = {
    "a word": "x",
    "no UTF-8": b"\xff",
    "complex": 0.1 + 0.2j,
    "not a number": float("nan"),
    "a set": {0.1},
    "an object": object(),
    "objects": np.array([0.1, None], dtype=object),
    "a fraction": Fraction(1, 10),
    "a huge integer": 10**400,
    "an integer of 5000 digits": 10**5000,
    "below every integer": -(10**30),
    "ragged lists": [[0.1], [0.1, 0.2]],
    "words": ["0.1", "0.2"],
    "a date": np.datetime64("2020-01-01"),
    "masked": np.ma.array([0.1, 0.2], mask=[True, False]),
    "a lambda": lambda: 0.1,
}
MAYBE_A_NUMBER = {
    "nothing": None,
    "yes": True,
    "no": False,
    "an empty list": [],
    "a row": [0.1, 0.2],
    "rows": np.full((2, 3, 4), 0.1),
    "infinity": float("inf"),
    "minus infinity": -np.inf,
    "minus one": -1,
    "a half": 0.5,
    "a large number": 1e308,
    "a small number": 5e-324,
    "in single precision": np.float32(0.1),
    "in extended precision": np.finfo(np.longdouble).max,
    "a large count": 2**62,
    "a table": {"a": 1},
}


def function(name: str) -> Any:
    module, _, attribute = name.partition(".")
    return getattr(importlib.import_module(f"estimators.{module}"), attribute)


def call(name: str, **changed: Any) -> Any:
    """The valid call with something changed; warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(name)(**{**VALID[name], **changed})


@pytest.fixture(autouse=True)
def no_chains(monkeypatch):
    """A posterior is asked for, and no more: chains take seconds."""

    def one_draw(model, chains):
        names = ("centre", "log_size", "shape", "spare")
        draws = {name: np.full(2, 0.5) for name in names}
        return draws, posterior.Diagnostics(0, 1.0, 1e9, 2)

    monkeypatch.setattr(posterior, "_nuts", one_draw)


def test_every_public_function_that_takes_numbers_is_tried():
    found = set()
    for module in pkgutil.iter_modules(estimators.__path__):
        if module.name.startswith("_") or module.name in ("errors", "guarantee", "interval"):
            continue
        full = importlib.import_module(f"estimators.{module.name}")
        for name, value in vars(full).items():
            local = getattr(value, "__module__", "") == full.__name__
            if inspect.isfunction(value) and local and not name.startswith("_"):
                found.add(f"{module.name}.{name}")
    assert found == set(VALID)


ARGUMENTS = [
    (name, argument)
    for name, given in VALID.items()
    for argument in {**given, "log_delta": None}
    if argument in inspect.signature(function(name)).parameters
]


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_what_is_no_number_is_refused_in_one_sentence(name, argument):
    call(name)
    other = {"delta": None} if argument == "log_delta" else {}
    for what, value in NO_NUMBER.items():
        with pytest.raises(EstimatorError) as error:
            call(name, **other, **{argument: value})
        assert "\n" not in str(error.value), what
        assert len(str(error.value)) < 300, what


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
def test_what_may_be_a_number_is_answered_or_refused(name, argument):
    other = {"delta": None} if argument == "log_delta" else {}
    for value in MAYBE_A_NUMBER.values():
        with suppress(EstimatorError):
            call(name, **other, **{argument: value})


@pytest.mark.parametrize("value", [None, "both", 1, ["two"], np.array(["lower", "upper"])])
def test_no_side_is_refused(value):
    for name in VALID:
        if "side" in inspect.signature(function(name)).parameters and "tiles" not in name:
            with pytest.raises(EstimatorError, match="side must be 'lower', 'upper' or 'two'"):
                call(name, side=value)


@pytest.mark.parametrize("what", [*NO_NUMBER, *MAYBE_A_NUMBER])
def test_the_fields_of_levels_and_strata_are_checked(what):
    value = (NO_NUMBER | MAYBE_A_NUMBER)[what]
    tried = [
        ("cascade.product", "levels", lambda: [cascade.Enumerated(value)]),
        ("cascade.product", "levels", lambda: [cascade.Sampled(value, 5)]),
        ("cascade.product", "levels", lambda: [cascade.Sampled(1, value)]),
        ("cascade.product", "levels", lambda: [cascade.Sampled(1, 5, value)]),
        ("stratified.mean", "strata", lambda: [stratified.Stratum(value, [0.2])]),
        ("stratified.mean", "strata", lambda: [stratified.Stratum(1.0, value)]),
        ("stratified.mean", "strata", lambda: [stratified.Stratum(1.0, [0.2], value)]),
        ("stratified.mean", "strata", lambda: [stratified.Stratum(1.0, exact=value)]),
        ("stratified.mean", "strata", lambda: [stratified.Stratum(1.0, [0.2], planned=value)]),
        ("stratified.proportion", "strata", lambda: [stratified.StratumCounts(1.0, value, 5)]),
        ("stratified.proportion", "strata", lambda: [stratified.StratumCounts(1.0, 1, value)]),
        ("stratified.proportion", "strata", lambda: [stratified.StratumCounts(1.0, 1, 5, value)]),
        ("stratified.proportion", "strata", lambda: [stratified.StratumCounts(1, exact=value)]),
    ]
    rng = np.random.default_rng(0)
    for name, argument, made in tried:
        methods = ("product", "union") if name.startswith("stratified") else (None,)
        for method in methods:
            more = {} if method is None else {"method": method}
            more |= {"rng": rng} if name == "stratified.proportion" else {}
            with suppress(EstimatorError):
                call(name, **{argument: made()}, **more)


def test_shapes_that_do_not_broadcast_are_refused():
    rows = np.full((2, 3), 0.1)
    for name, changed in {
        "mean.betting": {"samples": rows, "delta": [0.1] * 5, "population": 9},
        "mean.hoeffding": {"samples": rows, "delta": [0.1] * 5},
        "mean.betting_sequence": {"samples": rows, "population": [9] * 5},
        "proportion.clopper_pearson": {"k": [1, 1], "n": [5] * 3},
        "quantile.exceedance": {"samples": rows, "threshold": [0.1] * 5},
        "heuristic.normal_mean": {"samples": rows, "delta": [0.1] * 5},
        "heuristic.independent_sum": {"entries": rows, "delta": [0.1] * 5},
        "importance.importance": {"target": [0.1] * 2, "proposal": [0.1] * 3},
        "cascade.product": {
            "levels": [cascade.Sampled(np.ones(k, int), 5) for k in (2, 3)],
            "shares": None,
        },
        "stratified.mean": {
            "strata": [stratified.Stratum(0.5, np.full((k, 2), 0.1)) for k in (2, 3)]
        },
        "stratified.proportion": {
            "strata": [stratified.StratumCounts(0.5, np.ones(k, dtype=int), 5) for k in (2, 3)]
        },
    }.items():
        with pytest.raises(EstimatorError, match=r"broadcast|shape"):
            call(name, **changed)


def test_one_delta_is_asked_for_where_one_serves_all():
    assert np.shape(resolve_log_delta([0.1, 0.2])) == (2,)
    with pytest.raises(EstimatorError, match="delta must be one number"):
        one_log_delta([0.1, 0.2])


LEAST = 5e-324
DELTAS = (
    {"delta": 1e-6},
    {"delta": LEAST},
    {"delta": 1 - 2.0**-53},
    {"log_delta": -LEAST},
    {"log_delta": -1e100},
)
WIDE = np.array([0.0, LEAST, 1e-310, 1e-300, 1.0, 1e8, 1e300])
RANGES = ((0.0, LEAST), (0.0, 1e300), (-1.7e308, 1.0), (-8e307, 8e307), (1.0, 1 + 2.0**-52))


def without_nan(name: str, **changed: Any) -> None:
    """The call says something, or what is wrong, and nothing that is no number."""
    with suppress(EstimatorError):
        found = call(name, **changed)
        total = getattr(found, "total", found)
        for end in ("lower", "upper"):
            assert not np.isnan(getattr(total, end, 0.0)).any(), (name, changed)


@pytest.mark.parametrize("name", [name for name in VALID if "delta" in VALID[name]])
def test_extreme_deltas_give_neither_a_warning_nor_nan_and_end(name):
    for given in DELTAS:
        without_nan(name, **{"delta": None, **given})


@pytest.mark.parametrize("given", DELTAS)
def test_extreme_values_give_neither_a_warning_nor_nan(given):
    given = {"delta": None, **given}
    for low, high in RANGES:
        samples = np.array([low, high, low / 2 + high / 2, high])
        limits = {"samples": samples, "low": low, "high": high, "planned": 4}
        without_nan("mean.betting", **given, **limits)
        without_nan("mean.hoeffding", **given, **limits)
        for name in ("mean.empirical_bernstein", "mean.betting_sequence", "heuristic.normal_mean"):
            known = {"samples": samples, "low": low, "high": high, "population": 2**52}
            without_nan(name, **given, **known)
        strata = [stratified.Stratum(0.5, samples), stratified.Stratum(0.5, [low, low])]
        for method in ("product", "union"):
            more = {"strata": strata, "low": low, "high": high, "method": method}
            without_nan("stratified.mean", **given, **more)
        laws = {"target": [LEAST, 1e300, 1.0, 1e-300], "proposal": [1.0, 1e-300, LEAST, 1e300]}
        without_nan("importance.importance", **given, **limits, **laws, weight_max=1.7e308)
    for sign in (1.0, -1.0):
        without_nan("quantile.order_statistic", **given, samples=sign * WIDE, q=0.5, high=np.inf)
        without_nan("heuristic.independent_sum", **given, entries=sign * WIDE, count=2**53)
    for columns in (1, 20, 2**53):
        without_nan("sketch.row_norms", **given, norms=WIDE, columns=columns)
        without_nan("sketch.frobenius_norm", **given, norm=1e308, columns=columns)
    for k, n in ((0, 2**53), (1, 2**53), (2**52, 2**53), (2**53, 2**53), (0, 0)):
        without_nan("proportion.clopper_pearson", **given, k=k, n=n)
        without_nan("proportion.anytime", **given, k=k, n=n, population=None)
        without_nan("proportion.hypergeometric", **given, k=k, n=n, population=2**53)
        without_nan("posterior.jeffreys_share", **given, k=k, n=n)
