"""Priors over tokens with integer weights, so that masses are counted and drawn exactly."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from probbound.arithmetic.scalars import whole
from probbound.machine.errors import UserError

MOST_TOKENS = 1 << 16
MOST_TOTAL = 1 << 32
ROUNDED_BITS = 24

Whole = Int[np.ndarray, "*shape"] | np.ndarray  # int64, or Python integers where those overflow


@dataclass(frozen=True)
class Prior:
    """P(t) = weights[t] / total, at every position, independently (Theorem 1.10).

    Common factors of the weights are taken out: priors are equal if their laws are.
    `rounded_bits` is ROUNDED_BITS where the weights come from floats rounded to multiples of
    2^-ROUNDED_BITS.

    Raises:
        UserError: if a weight is negative, all are zero, or they add up to MOST_TOTAL, or if
            `rounded_bits` is another number.
    """

    weights: tuple[int, ...]
    rounded_bits: int | None = None

    def __post_init__(self) -> None:
        if self.rounded_bits not in (None, ROUNDED_BITS):
            raise UserError(f"priors are rounded to {ROUNDED_BITS} bits, not {self.rounded_bits}")
        weights = tuple(whole("a weight of a prior", weight) for weight in self.weights)
        if not any(weights) or min(weights) < 0:
            raise UserError("the weights of a prior must be non-negative and not all zero")
        common = math.gcd(*weights)
        object.__setattr__(self, "weights", tuple(weight // common for weight in weights))
        if self.total >= MOST_TOTAL:
            raise UserError(
                f"the integer weights of a prior must add up to less than {MOST_TOTAL}, got "
                f"{self.total}; give probabilities instead, which are rounded"
            )

    @classmethod
    def uniform(cls, d_vocab: int) -> Prior:
        """Weight one for every token."""
        return cls((1,) * d_vocab)

    @cached_property
    def total(self) -> int:
        """The sum of the weights."""
        return sum(self.weights)

    @cached_property
    def is_uniform(self) -> bool:
        """Whether all weights are equal."""
        return set(self.weights) == {1}

    @cached_property
    def array(self) -> Int[np.ndarray, " d_vocab"]:
        """The weights."""
        return np.array(self.weights, dtype=np.int64)

    @cached_property
    def ends(self) -> Int[np.ndarray, " d_vocab"]:
        """The weight of all tokens up to each."""
        return self.array.cumsum()

    @cached_property
    def sha256(self) -> str:
        """SHA-256, in hex, of the weights in decimal, separated by commas."""
        return hashlib.sha256(",".join(map(str, self.weights)).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Everything a checker needs, as JSON values."""
        return {
            "sha256": self.sha256,
            "total": self.total,
            "rounded_bits": self.rounded_bits,
            "weights": list(self.weights),
        }

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Prior:
        """The prior of a certificate."""
        return cls(tuple(found["weights"]), found["rounded_bits"])

    def integers(self, positions: int) -> type:
        """An integer type that holds the mass of all sequences of that many positions."""
        return np.int64 if self.total**positions < 1 << 62 else object

    def tokens(self, numbers: Int[np.ndarray, "*shape"]) -> Int[np.ndarray, "*shape"]:
        """The token of each number in [0, total): each token has as many numbers as weight."""
        return numbers if self.is_uniform else np.searchsorted(self.ends, numbers, side="right")

    def downwards(
        self, first: Int[np.ndarray, " n"], numbers: Int[np.ndarray, " n"]
    ) -> Int[np.ndarray, " n"]:
        """The token of each number, where `first` has the first ones and smaller tokens follow."""
        if self.is_uniform:
            return first - numbers
        return np.searchsorted(self.ends, self.ends[first] - 1 - numbers, side="right")

    def masses(self, tokens: Int[np.ndarray, "n positions"]) -> Whole:
        """The product of each row's weights."""
        return self.array.astype(self.integers(tokens.shape[1]))[tokens].prod(axis=1)


def read_prior(path: Path | str, d_vocab: int) -> Prior:
    """The prior in a file of `d_vocab` non-negative numbers: text, a JSON list, or `.npy`.

    Integers are the weights themselves. Otherwise the numbers are divided by their sum and
    rounded to multiples of 2^-ROUNDED_BITS; the prior is then the rounded one.

    Raises:
        UserError: if the file is missing or damaged, or its numbers do not make a prior.
    """
    try:
        numbers = _numbers(Path(path))
    except FileNotFoundError as error:
        raise UserError(f"there is no prior file {path}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as a list of numbers: {error}") from error
    if d_vocab > MOST_TOKENS:
        raise UserError(
            f"a prior is for models of up to {MOST_TOKENS} tokens, since the certificate holds it; "
            f"this one has {d_vocab}"
        )
    if len(numbers) != d_vocab:
        raise UserError(f"{path} has {len(numbers)} numbers, but the model has {d_vocab} tokens")
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise UserError(f"{path} must hold finite numbers, none of them negative")
    if all(isinstance(number, int) for number in numbers):
        return Prior(tuple(int(number) for number in numbers))
    return Prior(rounded(numbers), ROUNDED_BITS)


def rounded(numbers: Sequence[int | float]) -> tuple[int, ...]:
    """2^ROUNDED_BITS times the share of each number in their sum, rounded, halves to even."""
    exact = tuple(map(Fraction, numbers))
    total = sum(exact) or Fraction(1)
    return tuple(round(number / total * 2**ROUNDED_BITS) for number in exact)


def _numbers(path: Path) -> Sequence[int | float]:
    if path.suffix == ".npy":
        array = np.load(path, allow_pickle=False)
        if array.ndim != 1 or array.dtype.kind not in "iuf":
            raise ValueError(f"it holds a {array.dtype} array of shape {array.shape}")
        return array.tolist()
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".json":
        return [_number(word) for word in text.replace(",", " ").split()]
    found = json.loads(text)
    if not isinstance(found, list) or not all(type(x) in (int, float) for x in found):
        raise ValueError("it is not a JSON list of numbers")
    return found


def _number(word: str) -> int | float:
    try:
        return int(word)
    except ValueError:
        return float(word)
