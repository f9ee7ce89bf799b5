"""A forward pass in stages: the embedding, one a block, and what stands behind the last block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from probbound.models.transformer import forward
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.assembling import Assembly
from probbound.models.transformer.operations import Operations
from probbound.models.transformer.parts import Block, Embedding, Head, Past

V = TypeVar("V")
_NOWHERE = np.zeros(0, np.int64)


def stages_of(a: Architecture) -> range:
    """All of them by number: 0 is the embedding, n_layers + 1 what stands behind the last block."""
    return range(a.n_layers + 2)


@dataclass(frozen=True)
class Stretch(Generic[V]):
    """Some stages of one network in one arithmetic; compiled once for layers of one shape.

    `pasts` are keys and values, by stage, of the positions that have been run before, if any.
    """

    ops: Operations[V]
    made: Assembly
    stages: range
    last: bool = True
    pasts: Mapping[int, Past] = field(default_factory=dict)

    def __call__(self, x: Any, start: int, length: int, ends: Int[np.ndarray, " n"]) -> Any:
        """From what stands before the stages, tokens before the first, to what stands behind.

        Of positions `start` to `length` - 1, and of the last of each row, `ends`, alone behind the
        last stage, if only that is wanted.
        """
        for stage in self.stages:
            x, _ = self._run(stage, x, start, length, ends)
        return x

    def begun(self, x: Any, length: int) -> tuple[Any, Stretch[V]]:
        """What stands behind the blocks at the first positions, and these stages going on there."""
        pasts = {}
        for stage in self.stages:
            if stage <= self.made.architecture.n_layers:
                x, past = self._run(stage, x, 0, length, _NOWHERE)
                pasts |= {} if past is None else {stage: past}
        return x, replace(self, pasts=pasts)

    def _run(
        self, stage: int, x: Any, start: int, length: int, ends: Int[np.ndarray, " n"]
    ) -> tuple[Any, Past | None]:
        """Through one stage; of a block keys and values, too."""
        made, a, past = self.made, self.made.architecture, None
        if stage == 0:
            x = _embedded(self.ops, a, made.embedding(), jnp.asarray(x), start)
        elif stage <= a.n_layers:
            window, block = a.windows[stage - 1], made.block(stage - 1)
            before, W_pos = self.pasts.get(stage), made.positions()
            x, past = _through(self.ops, a, window, block, W_pos, x, length, before)
        else:
            x = self.ops.at(x, ends - start) if self.last else x
            x = _answered(self.ops, a, made.head(), x)
        return jax.block_until_ready(x), past  # or weights of all layers stand in memory, widened


@eqx.filter_jit
def _embedded(
    ops: Operations[V], a: Architecture, by: Embedding, tokens: Int[Array, "n t"], start: int
) -> V:
    return forward.embedded(ops, a, by, tokens, start=start)


@eqx.filter_jit
def _through(
    ops: Operations[V],
    a: Architecture,
    window: int | None,
    by: Block,
    W_pos: Float[Array, "positions width"] | None,
    x: V,
    length: int,
    past: Past | None,
) -> tuple[V, Past]:
    found: dict[str, Any] = {}

    def tap(name: str, value: Any) -> Any:
        found[name] = value
        return value

    x = forward.through(ops, a, window, by, W_pos, x, length, tap, past)
    keys = found.get("attn.hook_rot_k", found["attn.hook_k"])
    return x, Past(keys, found["attn.hook_v"], length)


@eqx.filter_jit
def _answered(ops: Operations[V], a: Architecture, by: Head, x: V) -> V:
    return forward.answered(ops, a, by, x)
