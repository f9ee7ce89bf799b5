"""Finite populations of known mean in [0, 1], hostile on purpose, and those of a trained model."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
from jaxtyping import Float
from scipy import special

from probbound.models.attention_only.evaluation import wrong_answers
from probbound.models.attention_only.transformer import Transformer, in_float64
from probbound.tasks.max_of_k.task import task_for

MEMBERS = 100_000
MILLION = 1_000_000

Values = Float[np.ndarray, " N"]


@dataclass(frozen=True)
class Population:
    """Members, the smallest first; draws of n of them are what a method sees."""

    name: str
    members: Values

    @cached_property
    def truth(self) -> float:
        """The mean."""
        return float(self.members.mean())

    @cached_property
    def marked(self) -> int | None:
        """How many members are 1, if all others are 0."""
        ones = int((self.members == 1).sum())
        return ones if ones + int((self.members == 0).sum()) == len(self.members) else None

    def draws(
        self, rng: np.random.Generator, n: int, repeats: int
    ) -> Float[np.ndarray, "repeats n"]:
        """Independent draws, with replacement."""
        return self.members[rng.integers(len(self.members), size=(repeats, n))]


def _marks(ones: int, members: int = MEMBERS) -> Values:
    return (np.arange(members) >= members - ones).astype(np.float64)


def _skewed(_: int) -> Values:
    places = (np.arange(MEMBERS) + 0.5) / MEMBERS
    return np.minimum(1.0, np.exp(2.5 * special.ndtri(places) - 6.0))


MADE: dict[str, Callable[[int], Values]] = {
    "rate 0.3": lambda _: _marks(round(0.3 * MEMBERS)),
    "rate 1/n": lambda n: _marks(MEMBERS // n),
    "one in a million": lambda _: _marks(1, MILLION),
    "rate 1 - 3/n": lambda n: _marks(MEMBERS - 3 * MEMBERS // n),
    "skewed losses": _skewed,
}


def of_model(model: Transformer) -> dict[str, Values]:
    """The errors of all inputs, and their margins rescaled to [0, 1]; both sorted."""
    task = task_for(model)
    tokens = np.array(list(itertools.product(range(task.d_vocab), repeat=task.n_ctx)))
    with jax.enable_x64(True):
        logits = np.array(in_float64(model)(tokens))
    each, labels = np.arange(len(tokens)), task.labels(tokens)
    own = logits[each, labels]
    logits[each, labels] = -np.inf
    margins = np.sort(own - logits.max(axis=1))
    return {
        "a model's errors": np.sort(wrong_answers(model, task, tokens).astype(np.float64)),
        "a model's margins": (margins - margins[0]) / (margins[-1] - margins[0]),
    }


def population(name: str, n: int, real: Mapping[str, Values]) -> Population:
    """The population of that name for samples of n; those in `real` are given."""
    return Population(name, real[name] if name in real else MADE[name](n))
