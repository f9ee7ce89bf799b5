"""What users give, as numbers: in float64, or refused in one sentence that names it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from estimators.errors import EstimatorError

_LARGEST_COUNT = 2**53
_SHOWN = 60


def floats(name: str, value: ArrayLike | None) -> Float[np.ndarray, "..."]:
    """`value` as float64, refused if it is not numeric; NaN is left for the caller to refuse."""
    array = _as_array(name, value, "biuf", "numbers that doubles can hold")
    with np.errstate(over="ignore"):
        return array.astype(np.float64)


def numbers(name: str, value: ArrayLike) -> Float[np.ndarray, "..."]:
    """`value` as float64, refused if it is not numeric or holds NaN."""
    array = floats(name, value)
    if np.isnan(array).any():
        raise EstimatorError(f"{name} must not hold NaN")
    return array


def number(name: str, value: float) -> float:
    """`value` as one float, possibly infinite or NaN; refused if it is not numeric, or several."""
    array = _as_array(name, value, "iuf", "a number that a double can hold")
    if array.ndim:
        raise EstimatorError(f"{name} must be one number, got {shown(value)}")
    with np.errstate(over="ignore"):
        return float(array)


def whole(name: str, value: ArrayLike) -> Float[np.ndarray, "..."]:
    """`value` as float64, refused unless it holds whole numbers from 0 to 2^53."""
    array = _as_array(name, value, "iuf", "a whole number up to 2^53 or an array of them")
    if not np.all((array >= 0) & (array <= _LARGEST_COUNT) & (array == np.floor(array))):
        raise EstimatorError(f"{name} must be whole numbers from 0 to 2^53, got {shown(value)}")
    return array.astype(np.float64)


def whole_number(name: str, value: ArrayLike, *, least: int = 0) -> int:
    """`value` as one int from `least` to 2^53."""
    array = whole(name, value)
    if array.ndim:
        raise EstimatorError(f"{name} must be one whole number, got {shown(value)}")
    if array < least:
        raise EstimatorError(f"{name} must be at least {least}, got {shown(value)}")
    return int(array)


def check_choice(name: str, value: str, choices: Collection[str]) -> None:
    """Refuse a word that is none of the `choices`."""
    if not isinstance(value, str) or value not in choices:
        *first, last = (repr(choice) for choice in choices)
        raise EstimatorError(f"{name} must be {', '.join(first)} or {last}, got {shown(value)}")


def shown(value: object) -> str:
    """The value as one short line for a message."""
    try:
        text = " ".join(repr(value).split())
    except ValueError:
        return f"one of {type(value).__name__} with too many digits to show"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _as_array(name: str, value: ArrayLike | None, kinds: str, wanted: str) -> np.ndarray:
    if np.ma.is_masked(value):
        raise EstimatorError(f"{name} must not hold masked values")
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise EstimatorError(
            f"{name} must be {wanted}, in rows of one length, got {shown(value)}"
        ) from error
    if array.dtype.kind not in kinds:
        raise EstimatorError(f"{name} must be {wanted}, got {shown(value)}")
    return array
