"""A transformer's forward pass, in parts of rows, one layer's weights in float64 at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from probbound.check.models.transformer.balls import in_balls
from probbound.check.models.transformer.block import Layer
from probbound.check.models.transformer.configuration import NONE, Configuration
from probbound.check.models.transformer.radii import Outcomes, Radii
from probbound.check.models.transformer.sizes import Sizes, usual
from probbound.check.models.transformer.values import Arithmetic, Matrix, Values
from probbound.check.models.transformer.weights import Weights
from probbound.check.report import Unusable

Numbers = np.ndarray
_AT_ONCE = 1 << 24
_EVERY, _LAST = slice(None), slice(-1, None)


@dataclass(frozen=True)
class Network:
    """A network whose answer is right where it leads by more than `margin`.

    `most` operations may be spent on inputs that only a screen can show to be left.
    """

    weights: Weights
    margin: float = 0.0
    most: float = math.inf

    @cached_property
    def _sizes(self) -> Sizes:
        return Sizes()

    @cached_property
    def _usual(self) -> bool:
        return usual(self.weights.configuration, self.weights.arrays)

    def outcomes(self, tokens: Numbers) -> Numbers:
        """What comes out of every position of rows (n, T), in float64: (n, T, d_out).

        Raises:
            Unusable: if they are no rows of tokens that this network reads.
        """
        return self._answered(Values(self.weights.configuration), tokens, _EVERY, 1)[0]

    def logits(self, tokens: Numbers) -> Numbers:
        """What comes out of the last position of rows (n, T): (n, d_out).

        Raises:
            Unusable: if they are no rows of tokens that this network reads.
        """
        return self._answered(Values(self.weights.configuration), tokens, _LAST, 1)[0, :, 0]

    def outcomes_with_radii(self, tokens: Numbers) -> Outcomes:
        """Logits (n, d_out) as above, and how far the real-number ones are at most (Theorem 9.2).

        Radii are infinite where the weights are not of a size that the theorem covers.

        Raises:
            Unusable: if they are no rows of tokens that this network reads.
        """
        do = Radii(self.weights.configuration, self._sizes)
        values, radii = self._answered(do, tokens, _LAST, 2)[:, :, 0]
        return Outcomes(values, radii if self._usual else np.full_like(radii, np.inf))

    def outcomes_in_balls(self, tokens: Numbers, bits: int) -> Outcomes:
        """Logits (n, d_out) and how far the real-number ones are at most (Theorem 9.14).

        Raises:
            Unusable: if they are no rows of tokens that this network reads, or python-flint is not
                installed.
        """
        with in_balls(self.weights.configuration, bits) as do:
            values, radii = self._answered(do, tokens, _LAST, 2)[:, :, 0]
        return Outcomes(values, radii)

    def _answered(self, do: Arithmetic, tokens: Numbers, positions: slice, kinds: int) -> Numbers:
        """What comes out of some positions, (kinds of numbers, rows, positions, d_out)."""
        _require_rows(tokens, do.said)
        length = len(range(*positions.indices(tokens.shape[1])))
        found = np.empty((kinds, len(tokens), length, do.said.d_out))
        with np.errstate(all="ignore"):
            for at in _parts(tokens, do):
                x = do.at(_residual(do, self.weights, tokens[at]), positions)
                for columns, outcome in _outcomes(do, self.weights, x):
                    found[:, at, :, columns] = outcome
        return found


def _require_rows(tokens: Numbers, said: Configuration) -> None:
    if tokens.ndim != 2 or tokens.dtype.kind not in "iu" or not 1 <= tokens.shape[1] <= said.n_ctx:
        raise Unusable(
            f"tokens of shape {tokens.shape} and type {tokens.dtype} are no rows of 1 to "
            f"{said.n_ctx} whole numbers"
        )
    if tokens.size and not (tokens.min() >= 0 and tokens.max() < said.d_vocab):
        raise Unusable(f"there are tokens outside of 0 to {said.d_vocab - 1}")


def _parts(tokens: Numbers, do: Arithmetic) -> Iterator[slice]:
    """Parts of rows whose activations in one layer fit into some hundred MiB."""
    said, length = do.said, tokens.shape[1]
    heads = said.n_heads * (8 * length + 4 * said.d_head)
    step = max(1, _AT_ONCE // (do.floats * length * (6 * said.d_model + 3 * said.d_mlp + heads)))
    for at in range(0, len(tokens), step):
        yield slice(at, min(at + step, len(tokens)))


def _residual(do: Arithmetic, weights: Weights, tokens: Numbers) -> Any:
    """The residual stream of rows (n, T) after the last block and its norm, a state of `do`."""
    said, length = weights.configuration, tokens.shape[1]
    read = _reader(weights)
    x = do.exact(weights.arrays["embed.W_E"][tokens].astype(np.float64))
    if (bias := read("embed.b_E")) is not None:
        x = do.plus(x, do.exact(bias))
    places = None
    if "pos_embed.W_pos" in weights.arrays:
        places = weights.arrays["pos_embed.W_pos"][:length].astype(np.float64)
    if said.positions == "learned" and places is not None:
        x = do.plus(x, do.exact(places))
    if said.embedding_norm:
        x = do.normed(x, said.norm, read("embed.ln.w"), read("embed.ln.b"))
    for number in range(said.n_layers):
        arrays = _of_layer(weights, number)
        x = Layer(do, number, arrays, places if said.positions == "shortformer" else None).of(
            x, length
        )
    if said.final_norm:
        x = do.normed(x, said.norm, read("ln_final.w"), read("ln_final.b"))
    return x


def _outcomes(do: Arithmetic, weights: Weights, x: Any) -> Iterator[tuple[slice, Any]]:
    """What comes out of residual streams, in parts of its numbers."""
    said, read = weights.configuration, _reader(weights)
    if said.head == NONE:
        yield slice(0, said.d_out), do.outcome(x, None, None)
        return
    if said.head == "masked":
        matrix = Matrix("head.W", weights.arrays["head.W"].astype(np.float64))
        x = do.activated(do.affine(x, matrix, read("head.b")))
        x = do.normed(x, "layer", read("head.ln.w"), read("head.ln.b"))
    bias = read("unembed.b_U")
    step = max(1, _AT_ONCE // (do.floats * said.d_model))
    for at in range(0, said.d_out, step):
        columns = slice(at, min(at + step, said.d_out))
        values = weights.arrays["unembed.W_U"][:, columns].astype(np.float64)
        yield (
            columns,
            do.outcome(x, Matrix("unembed.W_U", values), None if bias is None else bias[columns]),
        )


def _reader(weights: Weights) -> Callable[[str], Numbers | None]:
    """Arrays in float64 by name, None for those that are not there."""

    def read(name: str) -> Numbers | None:
        values = weights.arrays.get(name)
        return None if values is None else values.astype(np.float64)

    return read


def _of_layer(weights: Weights, number: int) -> dict[str, Numbers]:
    start = f"blocks.{number}."
    return {
        name.removeprefix(start): values.astype(np.float64)
        for name, values in weights.arrays.items()
        if name.startswith(start)
    }
