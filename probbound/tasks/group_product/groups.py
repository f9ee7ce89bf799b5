"""Finite groups as multiplication tables, by name or by a table that is checked to be one."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from probbound.machine.errors import UserError

MOST_ELEMENTS = 1 << 10
MOST_MOVED = 6  # 720 permutations
FAMILIES = {"c": "cyclic", "s": "symmetric", "a": "alternating"}
_PATTERN = re.compile(rf"([{''.join(FAMILIES)}])([1-9][0-9]{{0,3}})")


@dataclass(frozen=True)
class Group:
    """Elements 0 … n - 1, `table[g][h]` the number of the product gh.

    Raises:
        UserError: if the table is not that of a group, or has over MOST_ELEMENTS elements.
    """

    name: str
    table: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        _require_group(self.array, self.name)

    @property
    def array(self) -> Int[np.ndarray, "..."]:
        """The table."""
        return np.array(self.table, dtype=np.int64)

    @property
    def order(self) -> int:
        """Number of elements."""
        return len(self.table)

    @property
    def has_a_name(self) -> bool:
        """Whether `group_named` gives this group for its name."""
        return _PATTERN.fullmatch(self.name) is not None and group_named(self.name) == self

    def statement(self) -> dict[str, Any]:
        """Its name, and the table where that does not say it, as JSON."""
        table = None if self.has_a_name else [list(row) for row in self.table]
        return {"name": self.name, "table": table}

    @classmethod
    def of_table(cls, table: Int[np.ndarray, "..."], name: str) -> Group:
        """The group of a square array.

        Raises:
            UserError: as `Group`.
        """
        return cls(name, tuple(tuple(map(int, row)) for row in table))


def group_named(name: str) -> Group:
    """`c7` cyclic of order 7, `s5` all and `a5` the even permutations of 5, or a `.npy` table.

    Element g of a cyclic group is g, and gh is g + h mod n. Permutations are numbered in the
    order of their sequences of images, identity first, and gh is first h, then g.

    Raises:
        UserError: if there is no such group, or it is too large, or the file holds none.
    """
    if name.endswith(".npy"):
        return Group.of_table(_read(Path(name)), Path(name).stem)
    found = _PATTERN.fullmatch(name.lower())
    if found is None:
        raise UserError(
            f"there is no group {name!r}; write c7 (cyclic), s5 (symmetric), a5 (alternating) or "
            "the name of a .npy file with a multiplication table"
        )
    family, size = found[1], int(found[2])
    if family == "c":
        elements = np.arange(size)
        return Group.of_table(np.add.outer(elements, elements) % size, f"c{size}")
    if size > MOST_MOVED:
        raise UserError(
            f"{FAMILIES[family]} groups are of at most {MOST_MOVED} points here, got {size}"
        )
    permutations = np.array(list(itertools.permutations(range(size))))
    if family == "a":
        permutations = permutations[_even(permutations)]
    return Group.of_table(_products(permutations), f"{family}{size}")


def _even(permutations: Int[np.ndarray, "n points"]) -> np.ndarray:
    """Which have an even number of inversions."""
    later = np.triu(np.ones((permutations.shape[1],) * 2, dtype=bool), 1)
    inverted = permutations[:, :, None] > permutations[:, None, :]
    return (inverted & later).sum(axis=(1, 2)) % 2 == 0


def _products(permutations: Int[np.ndarray, "n points"]) -> Int[np.ndarray, "n n"]:
    """The number of g∘h for all g and h, by the value of its images as digits."""
    n, points = permutations.shape
    places = points ** np.arange(points)[::-1]
    codes = permutations @ places  # rise, since the permutations are in lexicographic order
    composed = permutations[np.arange(n)[:, None, None], permutations[None]]
    return np.searchsorted(codes, composed @ places)


def _read(path: Path) -> Int[np.ndarray, "n n"]:
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"cannot read the multiplication table {path}: {error}") from error
    if not isinstance(table, np.ndarray) or not np.issubdtype(table.dtype, np.integer):
        raise UserError(f"a multiplication table is a square array of integers; {path} holds none")
    return table


def _require_group(table: np.ndarray, name: str) -> None:
    """Closure, an identity, cancellation, and associativity of every triple."""
    n = len(table)
    if table.shape != (n, n) or not 1 <= n <= MOST_ELEMENTS:
        raise UserError(
            f"a group is a square table of 1 to {MOST_ELEMENTS} rows, {name} has shape "
            f"{table.shape}"
        )
    elements = np.arange(n)
    if not all(np.array_equal(np.sort(t, axis=1), elements + 0 * t) for t in (table, table.T)):
        raise UserError(
            f"every row and column of the table of a group has each of 0 … {n - 1} once; "
            f"those of {name} have not"
        )
    one = int(np.flatnonzero(table[0] == 0)[0])  # the only element that can be the identity
    if not (np.array_equal(table[one], elements) and np.array_equal(table[:, one], elements)):
        raise UserError(f"{name} has no identity, so it is no group")
    if not all(np.array_equal(table[table[g]], table[g][table]) for g in elements):
        raise UserError(f"the table of {name} is not associative, so it is no group")
