"""Types and shapes are checked while the tests run, in every module of probbound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest
from jaxtyping import Float, PyTree

from probbound.draws.random_streams import Stream
from tests.type_checks import checked, names_no_axis

Matrix = Float[np.ndarray, "n m"]


def check(target):
    return checked(typechecker=None)(target)


@check
def product(a: Float[np.ndarray, "n k"], b: Float[np.ndarray, "k m"]) -> Matrix:
    return a @ b if a[0, 0] >= 0 else a


@check
def halved(number: int) -> int:
    return number // 2 if number >= 0 else "none"  # pyright: ignore[reportReturnType]


@check
@dataclass(frozen=True)
class Held:
    number: int
    rows: Matrix


@check
def twice(rows: Float[np.ndarray, " n"], other: Float[np.ndarray, " n"]) -> int:
    return product(rows[None], other[:, None]).size


ROWS = np.ones((2, 3))
TEXT: Any = "a word where bytes are wanted"


def test_what_fits_passes():
    assert product(ROWS, ROWS.T).shape == (2, 2)
    assert halved(4) == 2
    assert Held(1, ROWS).number == 1
    assert twice(np.ones(4), np.ones(4)) == 1  # axes of a function called are its own


@pytest.mark.parametrize(
    "call",
    [
        lambda: product(ROWS, ROWS),  # an axis named twice
        lambda: product(ROWS.astype(int), ROWS.T),
        lambda: product(-ROWS, ROWS.T),  # another shape returned
        lambda: twice(np.ones(4), np.ones(3)),
        lambda: halved("4"),
        lambda: halved(-4),  # another type returned
        lambda: Held("1", ROWS),
        lambda: Held(1, ROWS[0]),
        lambda: Stream(TEXT),
    ],
)
def test_what_does_not_is_refused(call):
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize(
    "hint", [int, None, Any, str | None, dict[str, list[np.ndarray]], Literal["a"], Callable]
)
def test_plain_types_name_no_axis(hint):
    assert names_no_axis(hint)


@pytest.mark.parametrize(
    "hint", [Matrix, Matrix | None, dict[str, Matrix], Callable[[int, Matrix], int], PyTree[int]]
)
def test_types_of_arrays_may_name_axes(hint):
    assert not names_no_axis(hint)
