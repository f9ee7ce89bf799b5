"""The truth of every quantity against fractions: never above, and hardly below."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from probbound.noise.bounds import DETERMINISTIC
from probbound.noise.planted import planted
from probbound.noise.registry import noise_table
from probbound.noise.truth import truths
from tests.probbound.noise.fractions_of import exact_product
from tests.probbound.noise.terms import all_terms, touching_share
from tests.probbound.noise.test_bounds import SETTINGS, questions

TERMS = all_terms()
CERTAIN = [method.name for method in DETERMINISTIC]
SQUARED = {"rms", "frobenius-norm", "row-norms"}


def exactly(entries, reads, q) -> Fraction:
    """The quantity by definition, or the square of those in SQUARED."""
    flat = [*itertools.chain(*entries)]
    size, count = sorted(map(abs, flat)), len(flat)
    spreads = [max(row) - min(row) for row in entries]
    squares = [sum((x * x for x in row), Fraction(0)) for row in entries]
    large = np.array([[abs(x) > (q.threshold or 0.0) for x in row] for row in entries])
    values: dict[str, Callable[[], Fraction]] = {
        "mean": lambda: sum(flat, Fraction(0)) / count,
        "rms": lambda: sum(squares, Fraction(0)) / count,
        "frobenius-norm": lambda: sum(squares, Fraction(0)),
        "row-norms": lambda: max(squares),
        "share-above": lambda: Fraction(int(large.sum()), count),
        "quantile": lambda: size[math.ceil(Fraction(q.level) * count) - 1],
        "row-spread-share": lambda: Fraction(sum(s > q.threshold for s in spreads), len(spreads)),
        "largest-row-spread": lambda: max(spreads),
        "largest-entry": lambda: size[-1],
        "input-share": lambda: Fraction(touching_share(large, reads, q.n_ctx)),
    }
    return values[q.name]()


@pytest.mark.parametrize("name", TERMS)
def test_it_is_the_quantity_rounded_down_and_no_certain_bound_is_below_it(name):
    term = TERMS[name]
    entries, asked = exact_product(term.remainder), questions(term)
    error = 2.0**-40 * term.remainder.entry_error()
    for quantity, found in truths(term, asked, 1 << 20).items():
        if quantity.name == "spectral-norm":
            wanted = np.linalg.norm(np.array(entries, dtype=float), 2)
            assert wanted * (1 - 1e-12) - 1e3 * error <= found <= wanted * (1 + 1e-14)
            continue
        wanted = exactly(entries, term.reads, quantity)
        power = 2 if quantity.name in SQUARED else 1
        rounded = 1e-15 if quantity.name == "input-share" else 0.0  # the reference is a float
        assert Fraction(found) ** power <= wanted * (1 + Fraction(rounded))
        near = math.sqrt(wanted) if power == 2 else float(wanted)
        assert found >= near - 1e-13 * abs(near) - 1e3 * error
    for row in noise_table(term, asked, SETTINGS, CERTAIN, exact=True):
        assert row.truth is not None
        assert row.bound >= row.truth, (row.method, str(row.quantity))


def test_memory_and_tiles_change_nothing(monkeypatch):
    term = planted("heavy-tailed", 70, 90, 5)
    wanted = truths(term, questions(term), 1 << 28)
    monkeypatch.setattr("probbound.noise.streamed._TILE_ROWS", 7)
    monkeypatch.setattr("probbound.noise.streamed._TILE_COLUMNS", 16)
    for quantity, found in truths(term, questions(term), 4096).items():
        assert found == pytest.approx(wanted[quantity], rel=1e-13)
