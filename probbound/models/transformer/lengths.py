"""Rows of different lengths in one array: short ones have -1 before their first token."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Int

BEFORE = -1  # stands at places before the first token of a row


def firsts(tokens: Int[np.ndarray, "n t"]) -> Int[np.ndarray, " n"]:
    """How many places of each row are before its first token."""
    return np.logical_and.accumulate(tokens == BEFORE, axis=1).sum(axis=1)


def from_the_first(tokens: Int[np.ndarray, "n t"]) -> Int[np.ndarray, "n t"]:
    """Rows that begin at the first place; token 0 fills up what is left behind short ones."""
    before, length = firsts(tokens), tokens.shape[1]
    places = before[:, None] + np.arange(length)
    moved = np.take_along_axis(tokens, np.minimum(places, length - 1), axis=1)
    return np.where(places < length, moved, 0)


def of_one_length(
    tokens: Int[np.ndarray, "n t"],
) -> Iterator[tuple[Int[np.ndarray, " m"], Int[np.ndarray, "m s"]]]:
    """The numbers of rows of equal length and their tokens, the longest first."""
    before = firsts(tokens)
    for first in np.unique(before):
        numbers = np.flatnonzero(before == first)
        yield numbers, tokens[numbers, first:]


def in_front(tokens: Int[np.ndarray, "n t"]) -> Int[np.ndarray, "n s"]:
    """The first tokens of each row, as many as the shortest one has."""
    shortest = tokens.shape[1] - int(firsts(tokens).max(initial=0))
    return from_the_first(tokens)[:, :shortest]
