"""Multiplication tables of finite groups: of those that a name stands for, and what is one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np

_MOST_ELEMENTS = 1 << 10
_MOST_MOVED = 6
_NAMED = re.compile(r"([csa])([1-9][0-9]{0,3})")


def named(name: str) -> np.ndarray | None:
    """The table of a group, table[g, h] the number of gh; None if no group has the name.

    cN adds modulo N. sN are all, aN the even permutations of 0 … N - 1, numbered in the order of
    their images, and gh takes x to g(h(x)).
    """
    found = _NAMED.fullmatch(name)
    if found is None:
        return None
    size = int(found[2])
    if size > _MOST_ELEMENTS:
        return None
    if found[1] == "c":
        return np.add.outer(np.arange(size), np.arange(size)) % size
    if size > _MOST_MOVED:
        return None
    members = [
        images
        for images in itertools.permutations(range(size))
        if found[1] == "s" or not _inversions(images) % 2
    ]
    numbers = {images: number for number, images in enumerate(members)}
    return np.array(
        [[numbers[tuple(g[x] for x in h)] for h in members] for g in members], dtype=np.int64
    )


def is_cyclic_sum(table: np.ndarray) -> bool:
    """Whether it is addition modulo the number of elements."""
    elements = np.arange(len(table))
    return bool((table == np.add.outer(elements, elements) % len(table)).all())


def faults(table: list[list[int]], order: int) -> Iterator[str]:
    """Why a table is not that of a group of so many elements."""
    if order > _MOST_ELEMENTS or len(table) != order or any(len(row) != order for row in table):
        yield f"its group is no table of {order} rows and columns, {_MOST_ELEMENTS} at most"
        return
    elements = np.arange(order)
    if any(max(row) >= order for row in table):
        yield "its group has products that are no elements"
        return
    found = np.array(table, dtype=np.int64)
    if not all((np.sort(side, axis=1) == elements).all() for side in (found, found.T)):
        yield "its group has an element twice in a row or column"
    elif not any(
        (found[e] == elements).all() and (found[:, e] == elements).all() for e in elements
    ):
        yield "its group has no identity"
    elif any((found[found[g]] != found[g][found]).any() for g in elements):
        yield "its group is not associative"


def _inversions(images: tuple[int, ...]) -> int:
    return sum(x > y for x, y in itertools.combinations(images, 2))
