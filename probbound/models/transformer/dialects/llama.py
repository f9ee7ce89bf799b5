"""Llama of Hugging Face, and what others have of it: RMSNorms, gated MLPs, shared keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.conversions import transposed
from probbound.models.transformer.dialects.dialect import (
    Convert,
    Dialect,
    Settings,
    Shapes,
    Step,
    as_is,
)
from probbound.models.transformer.dialects.hugging_face import (
    ACTIVATIONS,
    HEAD,
    asked,
    attention,
    causal_head,
    head_width,
    layers_of,
    needed,
    require_told,
    speaks,
    tied_to,
)
from probbound.models.transformer.dialects.keys import Told
from probbound.models.transformer.dialects.rope import rotation

_PARTS = {which: f"self_attn.{which.lower()}_proj" for which in "QKVO"}
_MLP = {"gate": "gate_proj", "in": "up_proj", "out": "down_proj"}
Choices = Callable[[Told, Shapes, int], dict[str, Any]]


@dataclass(frozen=True)
class Biases:
    """Which parts have biases: said by a key of the configuration, or always."""

    parts: tuple[str, ...]
    key: str = ""
    always: bool = False

    def require(self, told: Told, shapes: Shapes, layers: int) -> None:
        """Refuse what is there and not said, or the other way round."""
        said = told.flag(self.key, False) if self.key else self.always
        ends = [f".{part}.bias" for part in self.parts]
        require_told(shapes, self.key or "model_type and with it biases", said, layers, ends)


@dataclass(frozen=True)
class Family:
    """How a relative of Llama differs: `choices` are those of its architecture, by its keys.

    `norms` and `embedding` convert weights that are stored in another form; `head` is the width of
    a head where no key says it, None if the heads divide the model's, and `says_shared` whether a
    key has to say how many heads of keys there are.
    """

    name: str
    model_type: str
    biases: tuple[Biases, ...]
    choices: Choices
    harmless: tuple[str, ...] = ()
    says_shared: bool = True
    head: int | None = None
    tied: bool = False
    norms: Convert = as_is
    embedding: Callable[[Architecture, np.ndarray], np.ndarray] | None = None

    def dialect(self) -> Dialect:
        """As it is read."""
        return Dialect(
            self.name,
            speaks(self.model_type),
            ("model.",),
            self._architecture,
            self._steps,
            _idle,
            tied=tied_to("embed_tokens.weight", by_default=self.tied),
        )

    def _architecture(self, settings: Settings, shapes: Shapes) -> Architecture:
        told = asked(settings, *self.harmless)
        width, heads = told.whole("hidden_size"), told.whole("num_attention_heads")
        usual = head_width(width, heads) if self.head is None else self.head
        inside, layers = told.whole("head_dim", usual), layers_of(told)
        for each in self.biases:
            each.require(told, shapes, layers)
        dim, base = rotation(told, inside)
        if dim != inside:
            raise UserError(f"its configuration turns {dim} of {inside} numbers of a head")
        vocabulary, head = told.whole("vocab_size"), causal_head(settings, shapes)
        made = Architecture(
            n_layers=layers,
            n_heads=heads,
            n_key_value_heads=told.whole(
                "num_key_value_heads", None if self.says_shared else heads
            ),
            d_model=width,
            d_head=inside,
            d_vocab=vocabulary,
            d_out=vocabulary if head == "unembed" else width,
            n_ctx=told.whole("max_position_embeddings"),
            d_mlp=told.whole("intermediate_size"),
            norm="rms",
            norm_eps=told.number("rms_norm_eps", 1e-6),
            final_norm=True,
            positions="rotary",
            rotary_dim=dim,
            rotary_base=base,
            gated=True,
            head=head,
            **self.choices(told, shapes, layers),
        )
        told.require_all_asked()
        return made

    def _steps(self, a: Architecture) -> Iterator[Step]:
        yield needed("embed.W_E", "embed_tokens.weight", self._embedded(a))
        for i in range(a.n_layers):
            yield from self._layer(a, f"layers.{i}", f"blocks.{i}")
        yield needed("ln_final.w", "norm.weight", self.norms)
        if a.head != "none":
            yield needed("unembed.W_U", HEAD, transposed)

    def _embedded(self, a: Architecture) -> Convert:
        made = self.embedding
        return as_is if made is None else lambda values: made(a, values)

    def _layer(self, a: Architecture, theirs: str, ours: str) -> Iterator[Step]:
        for norm, name in (("ln1", "input_layernorm"), ("ln2", "post_attention_layernorm")):
            yield needed(f"{ours}.{norm}.w", f"{theirs}.{name}.weight", self.norms)
        parts = {which: f"{theirs}.{name}" for which, name in _PARTS.items()}
        yield from attention(a, f"{ours}.attn", parts)
        for which, name in _MLP.items():
            yield needed(f"{ours}.mlp.W_{which}", f"{theirs}.mlp.{name}.weight", transposed)
            yield Step(f"{ours}.mlp.b_{which}", (f"{theirs}.mlp.{name}.bias",))


def activation(told: Told) -> dict[str, Any]:
    """That of the MLPs."""
    return {"activation": told.word("hidden_act", ACTIVATIONS, "silu")}


def biases(key: str, parts: Collection[str], *, always: bool = False) -> Biases:
    """Of parts of attention, or of the MLP where there are none of these."""
    inner = [_PARTS[which] for which in parts] or [f"mlp.{name}" for name in _MLP.values()]
    return Biases(tuple(inner), key, always)


def _idle(name: str) -> bool:
    return name.endswith(".self_attn.rotary_emb.inv_freq")


def _choices(told: Told, shapes: Shapes, layers: int) -> dict[str, Any]:
    return activation(told)


DIALECT = Family(
    "Llama",
    "llama",
    (biases("attention_bias", "QKVO"), biases("mlp_bias", "")),
    _choices,
    harmless=("pretraining_tp",),
    says_shared=False,
).dialect()
