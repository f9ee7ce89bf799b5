"""A law and a generator of rows that the tiny transformer reads, and their files."""

from pathlib import Path

import numpy as np

from probbound.tasks.next_token.populations.generator import RowGenerator
from probbound.tasks.next_token.populations.law import RowLaw
from tests.probbound.tasks.next_token import rows

LENGTH, ANSWERS = rows.READ + 1, 6
SOURCE = '''"""Rows for the tiny transformer."""

import numpy as np


def prompts(rng, n):
    return np.stack([rng.integers(0, 7, (n, 5))[:, 0] % 6] * 5, axis=1)


def others(rng, n):
    return rng.integers(0, 6, (n, 5))
'''


def weights(seed=0):
    """Of five positions; tokens 6 and up never occur."""
    found = np.random.default_rng(seed).integers(0, 9, (LENGTH, ANSWERS))
    return found + np.eye(LENGTH, ANSWERS, dtype=np.int64)


def law(seed=0):
    """By whole weights."""
    return RowLaw(weights(seed))


def uniform(rng, n):
    """All tokens alike."""
    return rng.integers(0, ANSWERS, (n, LENGTH))


def generator():
    """Of rows of five tokens."""
    return RowGenerator(uniform)


def saved(folder: Path, found=None):
    """The file of a law that a checker is given."""
    path = folder / "law.npz"
    np.savez(path, law=weights() if found is None else found)
    return {"data": path}


def written(folder: Path):
    """The file of generators, of the name of one of them."""
    path = folder / "generators.py"
    path.write_text(SOURCE)
    return path
