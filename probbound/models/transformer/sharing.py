"""What rows that begin alike and networks that begin alike have in common (Theorem 9.13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

import jax
import numpy as np
from jaxtyping import Int

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.assembling import Assembly, MatrixSizes
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.operations import Operations
from probbound.models.transformer.stages import Stretch, stages_of

V = TypeVar("V")
_OF_THE_HEAD = ("n_layers", "d_out", "final_norm", "head", "logit_cap")
_OF_ONE_STAGE = (*_OF_THE_HEAD, "windows", "n_ctx", "d_vocab")


@dataclass(frozen=True)
class Shared:
    """How many first tokens all rows have in common, and how many first stages all networks."""

    prefix: int
    alike: int


def shared(models: Sequence[GeneralTransformer], prefix: int) -> Shared:
    """What can be run once for all these networks, and rows with so many first tokens in common.

    Without a causal mask all positions are left to each row.
    """
    return Shared(prefix if _causal(models) else 0, stages_alike(models))


def _causal(models: Sequence[GeneralTransformer]) -> bool:
    return all(model.architecture.causal for model in models)


def begin_alike(tokens: Int[np.ndarray, "n t"]) -> int:
    """How many first tokens all rows have in common, one position at least left to each."""
    same = (tokens[:, :-1] == tokens[:1, :-1]).all(axis=0)
    return int(np.logical_and.accumulate(same).sum())


def stages_alike(models: Sequence[GeneralTransformer]) -> int:
    """How many stages, from the first on, are the same function in all networks.

    Stages are those of `stages_of`; all of one network's are alike.
    """
    first, *others = models
    return min((_alike(first, other) for other in others), default=_stages(first))


def _alike(one: GeneralTransformer, other: GeneralTransformer) -> int:
    if _blocks_of(one.architecture) != _blocks_of(other.architecture):
        return 0
    found = 0
    for mine, theirs in zip(_said(one), _said(other), strict=False):
        if not _equal(mine, theirs):
            break
        found += 1
    return found


def _blocks_of(a: Architecture) -> dict[str, Any]:
    """What an architecture says of all blocks and the embedding, beside shapes of arrays."""
    names = (each.name for each in fields(a))
    return {name: getattr(a, name) for name in names if name not in _OF_ONE_STAGE}


def _said(model: GeneralTransformer) -> Iterator[tuple[object, dict[str, np.ndarray]]]:
    """What is said of each stage alone, and its arrays."""
    a = model.architecture
    yield None, _arrays(model, "embed.", "pos_embed.")
    for layer, window in enumerate(a.windows):
        yield window, _arrays(model, f"blocks.{layer}.")
    yield (
        [getattr(a, name) for name in _OF_THE_HEAD],
        _arrays(model, "ln_final.", "head.", "unembed."),
    )


def _arrays(model: GeneralTransformer, *begin: str) -> dict[str, np.ndarray]:
    return {name: values for name, values in model.arrays.items() if name.startswith(begin)}


def _equal(
    mine: tuple[object, dict[str, np.ndarray]], theirs: tuple[object, dict[str, np.ndarray]]
) -> bool:
    (said, arrays), (other, others) = mine, theirs
    return (
        said == other
        and arrays.keys() == others.keys()
        and all(np.array_equal(values, others[name]) for name, values in arrays.items())
    )


def _stages(model: GeneralTransformer) -> int:
    return len(stages_of(model.architecture))


@dataclass(frozen=True)
class Joint(Generic[V]):
    """Networks in one arithmetic, asked about the same rows: what is alike is run once."""

    models: tuple[GeneralTransformer, ...]
    trunk: Stretch[V]
    branches: tuple[Stretch[V], ...]
    prefix: Int[np.ndarray, " p"]

    @classmethod
    def of(
        cls,
        models: Sequence[GeneralTransformer],
        ops: Operations[V],
        alike: int,
        *,
        dtype: type = np.float64,
        sizes: Sequence[Mapping[str, MatrixSizes]] = (),
        last: bool = True,
    ) -> Joint[V]:
        """Of the first `alike` stages those of the first network are run, for all of them.

        `sizes` are those of each network's matrices, where the arithmetic has a use for them.
        """
        given = sizes or [{}] * len(models)
        stretches = [
            Stretch(ops, Assembly(m.architecture, m.arrays, dtype, of), _from(m, alike), last)
            for m, of in zip(models, given, strict=True)
        ]
        trunk = replace(stretches[0], stages=range(alike))
        return cls(tuple(models), trunk, tuple(stretches), np.zeros(0, np.int64))

    def after(self, prefix: Int[np.ndarray, " p"]) -> Joint[V]:
        """The same for rows that begin with these tokens, which are run now.

        Keys and values are kept of every block and position, those of blocks that are alike once.

        Raises:
            ValueError: if a network has no causal mask, so that what follows changes them.
        """
        if len(prefix) == 0:
            return self
        if not _causal(self.models):
            raise ValueError("without a causal mask nothing can be run before what follows it")
        length = len(prefix)
        with jax.enable_x64(True):
            x, trunk = self.trunk.begun(prefix[None], length)
            branches = tuple(branch.begun(x, length)[1] for branch in self.branches)
        return replace(self, trunk=trunk, branches=branches, prefix=prefix)

    def __call__(self, rows: Int[np.ndarray, "n t"], ends: Int[np.ndarray, " n"]) -> tuple[V, ...]:
        """What comes out of each network at the last position of each row, `ends`.

        Rows have to begin with the prefix.
        """
        start, length = len(self.prefix), rows.shape[1]
        with jax.enable_x64(True):
            x = self.trunk(rows[:, start:], start, length, ends)
            return tuple(branch(x, start, length, ends) for branch in self.branches)

    def require_begun(self, rows: Int[np.ndarray, "n t"]) -> None:
        """Rows begin with the prefix and go on behind it.

        Raises:
            ValueError: if they do not.
        """
        p = len(self.prefix)
        if rows.shape[1] <= p or (rows[:, :p] != self.prefix).any():
            raise ValueError(f"rows have to begin with the {p} tokens that were run before")

    @property
    def causal(self) -> bool:
        """Whether no position of any network reads one behind it."""
        return _causal(self.models)

    @property
    def last(self) -> bool:
        """Whether the last position alone comes out."""
        return self.trunk.last

    @property
    def kept(self) -> int:
        """Numbers of all keys and values that are kept."""
        pasts = [each.pasts for each in (self.trunk, *self.branches)]
        return sum(values.size for values in jax.tree.leaves(pasts))


def _from(model: GeneralTransformer, alike: int) -> range:
    return range(alike, _stages(model))
