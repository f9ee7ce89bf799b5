"""The circuits of every layer and head of a network whose arrays go by TransformerLens 3's names.

- `qk`: T W_Q W_Kᵀ (T - T̄)ᵀ / attn_scale, query by key, T̄ the mean token: scores less their mean
  over keys, which no softmax sees; `ov`: T W_V W_O W_U;
- `mlp-in`: T W_in; `mlp-out`: W_out W_U.

T are the tokens as they enter the first block: embeddings, with the mean position added, normalised
where the network normalises what its circuits read. Weights of a norm before a block are in the
matrix that reads; biases, being known and of rank one, are not in, nor are norms behind a block's
output and the division of the last norm. Later blocks' circuits read the tokens alike: it is the
path past all blocks between. Within the residual stream, T and W_U are left out, and W_U also
behind a head of BERT's (`head.W`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from probbound.machine.errors import UserError
from probbound.models.ends import Ends
from probbound.models.stored_arrays import Stored
from probbound.noise.map import Circuit

Matrix = Float[np.ndarray, "m n"]
_BLOCK = re.compile(r"(.*\.)?blocks\.(\d{1,9})\.(?:attn\._?W_[QKVO]|mlp\.W_(?:in|out))")
_NORMS = {"LN": "layer", "LNPre": "layer", "RMS": "rms", "RMSPre": "rms"}  # TransformerLens' words
_EPSILON = 1e-5


def circuits_in(name_or_path: str | Path, ends: Ends = "tokens") -> list[Circuit]:
    """Those of the network in a file, or of a shipped one, layer by layer.

    The one place where a kind of network that knows its own circuits is to be asked for them;
    so far the names of arrays say what there is.

    Raises:
        UserError: if the file cannot be read, no array goes by the name of a block's weights, one
            that a circuit needs is missing or no matrix of finite floats, or tokens are wanted of a
            file without embeddings.
    """
    return list(_Blocks.of(Stored.of(name_or_path), ends).circuits())


@dataclass(frozen=True)
class _Blocks:
    """Weights by their short names, behind what stands before every name of the file."""

    stored: Stored
    prefix: str
    layers: tuple[int, ...]
    ends: Ends

    @classmethod
    def of(cls, stored: Stored, ends: Ends) -> _Blocks:
        named = [match for name in stored.arrays if (match := _BLOCK.fullmatch(name))]
        if not named:
            raise UserError(
                f"a map is made of arrays with TransformerLens' names, as blocks.0.attn.W_Q, and "
                f"{stored.path} holds none; probbound import makes a file that does of another "
                "framework's network, and --chain takes any names"
            )
        prefix = named[0][1] or ""
        layers = {int(match[2]) for match in named if (match[1] or "") == prefix}
        return cls(stored, prefix, tuple(sorted(layers)), ends)

    def circuits(self) -> Iterator[Circuit]:
        for layer in self.layers:
            block = f"blocks.{layer}"
            if self._has(f"{block}.attn.W_Q"):
                yield from self._heads(layer, block)
            if self._has(f"{block}.mlp.W_in"):
                reading = self._read(f"{block}.mlp.W_in", f"{block}.ln2.w")
                yield Circuit("mlp-in", layer, None, (*self._tokens, reading))
            if self._has(f"{block}.mlp.W_out"):
                writing = self.stored.matrix(f"{self.prefix}{block}.mlp.W_out")
                yield Circuit("mlp-out", layer, None, (writing, *self._answers))

    def _heads(self, layer: int, block: str) -> Iterator[Circuit]:
        count = self._stacked(f"{block}.attn.W_Q")
        norm = f"{block}.ln1.w"
        for head in range(count):
            q, k, v = (self._of_head(block, part, head, count, norm) for part in "QKV")
            scale = float(self.stored.settings.get("attn_scale") or math.sqrt(q.shape[1]))
            yield Circuit("qk", layer, head, (*self._tokens, q / scale, k.T, *self._keys))
            o = self.stored.matrix(f"{self.prefix}{block}.attn.W_O[{head}]")
            yield Circuit("ov", layer, head, (*self._tokens, v, o, *self._answers))

    def _of_head(self, block: str, part: str, head: int, count: int, norm: str) -> Matrix:
        """A head's own matrix, or that of its group."""
        name = f"{block}.attn.W_{part}"
        name = name if self._has(name) else f"{block}.attn._W_{part}"
        groups = self._stacked(name)
        if not groups or count % groups:
            raise UserError(f"{count} heads cannot share the {groups} of {self.prefix}{name}")
        return self._read(f"{name}[{head * groups // count}]", norm)

    def _stacked(self, name: str) -> int:
        shape = self.stored.array(self.prefix + name).shape
        if len(shape) != 3:
            raise UserError(
                f"{self.prefix}{name} must be a stack of matrices, one for each head, "
                f"got shape {shape}"
            )
        return shape[0]

    def _read(self, name: str, norm: str) -> Matrix:
        """A matrix that reads the stream, behind the weights of the norm before it."""
        found = np.asarray(self.stored.matrix(self.prefix + name), dtype=np.float64)
        if not self._normed_before or not self._has(norm):
            return found
        return self.stored.vector(self.prefix + norm, len(found))[:, None] * found

    def _has(self, name: str) -> bool:
        return self.prefix + name in self.stored.arrays

    @property
    def _normed_before(self) -> bool:
        """Whether blocks normalise what they read.

        Where no configuration says it, all do whose embedding is not normalised.
        """
        if "norm_place" in self.stored.settings:
            return self.stored.settings["norm_place"] != "post"
        return not self._embedding_normed

    @property
    def _embedding_normed(self) -> bool:
        said = self.stored.settings.get("embedding_norm")
        return self._has("embed.ln.w") if said is None else bool(said)

    @cached_property
    def _answers(self) -> tuple[Matrix, ...]:
        if self.ends == "stream" or not self._has("unembed.W_U") or self._has("head.W"):
            return ()
        return (self._read("unembed.W_U", "ln_final.w"),)

    @cached_property
    def _tokens(self) -> tuple[Matrix, ...]:
        if self.ends == "stream":
            return ()
        embed = "embed.embed." if self._has("embed.embed.W_E") else "embed."
        if not self._has(f"{embed}W_E"):
            raise UserError(
                f"{self.stored.path} holds no {self.prefix}embed.W_E for circuits to begin at; "
                "--ends stream leaves the tokens out"
            )
        places = "embed.pos_embed." if embed == "embed.embed." else "pos_embed."
        tokens = np.array(self.stored.matrix(f"{self.prefix}{embed}W_E"), dtype=np.float64)
        width = tokens.shape[1]
        if self._has("embed.b_E"):
            tokens += self.stored.vector(f"{self.prefix}embed.b_E", width)
        if self._has(f"{places}W_pos"):
            position = self.stored.matrix(f"{self.prefix}{places}W_pos").mean(
                axis=0, dtype=np.float64
            )
            if len(position) != width:
                raise UserError(
                    f"{self.prefix}{places}W_pos has {len(position):,} columns and the embedding "
                    f"{width:,}; they must be equal"
                )
            tokens += position
        return (self._normalised(tokens),)

    @cached_property
    def _keys(self) -> tuple[Matrix, ...]:
        return tuple((tokens - tokens.mean(axis=0)).T for tokens in self._tokens)

    def _normalised(self, tokens: Matrix) -> Matrix:
        """Tokens as the first norms leave them, but for weights that belong to a block."""
        if self._embedding_normed:
            tokens = self._normed(tokens)
            if self._has("embed.ln.w"):
                tokens = tokens * self.stored.vector(f"{self.prefix}embed.ln.w", tokens.shape[1])
            if self._has("embed.ln.b"):
                tokens = tokens + self.stored.vector(f"{self.prefix}embed.ln.b", tokens.shape[1])
        return self._normed(tokens) if self._normed_before else tokens

    def _normed(self, tokens: Matrix) -> Matrix:
        if self._norm == "layer":
            tokens = tokens - tokens.mean(axis=1, keepdims=True)
        if self._norm not in ("layer", "rms"):
            return tokens
        said = self.stored.settings.get("norm_eps", self.stored.settings.get("eps"))
        epsilon = _EPSILON if said is None else float(said)
        return tokens / np.sqrt((tokens**2).mean(axis=1, keepdims=True) + epsilon)

    @property
    def _norm(self) -> str | None:
        """The kind of norm that the file's configuration says, or that its arrays show."""
        if "norm" in self.stored.settings:
            return self.stored.settings["norm"]
        if "normalization_type" in self.stored.settings:
            return _NORMS.get(self.stored.settings["normalization_type"])
        first = f"blocks.{self.layers[0]}.ln1"
        if self._has("embed.ln.b") or self._has(f"{first}.b"):
            return "layer"
        return "rms" if self._has(f"{first}.w") else None
