"""What the configurations of transformers say alike, whatever the model_type."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.conversions import (
    by_heads,
    into_heads,
    out_of_heads,
    transposed,
)
from probbound.models.transformer.dialects.dialect import Convert, Settings, Shapes, Step, as_is
from probbound.models.transformer.dialects.keys import Told

HEAD = "lm_head.weight"
_MOST_LAYERS = 1 << 16
ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",  # with ten digits of the constant (docs/networks.md)
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}
_HARMLESS = (
    *("_name_or_path", "architectures", "model_type", "transformers_version", "auto_map"),
    *("bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id"),
    *("dtype", "torch_dtype", "use_cache", "gradient_checkpointing", "torchscript"),
    *("initializer_range", "output_attentions", "output_hidden_states", "output_past"),
    *("return_dict", "chunk_size_feed_forward", "problem_type", "num_labels", "id2label"),
    *("label2id", "classifier_dropout", "attention_dropout", "hidden_dropout"),
    *("tie_word_embeddings", "task_specific_params", "_attn_implementation"),
)


def speaks(model_type: str) -> Callable[[Collection[str], Settings], bool]:
    """Whether a configuration is of this model_type."""

    def told(names: Collection[str], settings: Settings) -> bool:
        return settings.get("model_type") == model_type

    return told


def asked(settings: Settings, *harmless: str) -> Told:
    """A configuration of transformers; what makes an encoder with a decoder of it is refused."""
    told = Told(settings, (*_HARMLESS, *harmless))
    told.only("is_encoder_decoder", False)
    told.only("add_cross_attention", False)
    if told.any("pruned_heads"):
        raise UserError("its configuration says pruned_heads, and no head can be left out")
    return told


def layers_of(told: Told, key: str = "num_hidden_layers") -> int:
    """How many layers there are, before a list of them is made.

    Raises:
        UserError: if they are more than any network has.
    """
    layers = told.whole(key)
    if not 0 <= layers <= _MOST_LAYERS:
        raise UserError(f"its configuration says {key} = {layers}, not 0 to {_MOST_LAYERS}")
    return layers


def head_width(width: int, heads: int) -> int:
    """Numbers of a head, where the configuration does not say.

    Raises:
        UserError: if the heads do not divide the width.
    """
    if heads < 1 or width % heads:
        raise UserError(f"{heads} heads do not divide a width of {width}")
    return width // heads


def causal_head(settings: Settings, shapes: Shapes) -> Literal["unembed", "none"]:
    """Whether a language model's head is behind the last block, or it is the plain model.

    Raises:
        UserError: if there has to be one and it is neither in the file nor tied.
    """
    if HEAD in shapes:
        return "unembed"
    if is_plain(settings):
        return "none"
    raise UserError(
        f"there is no array {HEAD}, and its configuration neither ties it to the embedding nor "
        "says the architecture of a plain model"
    )


def ends(told: Told, settings: Settings, shapes: Shapes, width: int) -> dict[str, Any]:
    """What enters and comes out of a stream of that width.

    Raises:
        UserError: as `causal_head`, or if no vocabulary is said.
    """
    vocabulary, head = told.whole("vocab_size"), causal_head(settings, shapes)
    out = vocabulary if head == "unembed" else width
    return {"d_model": width, "d_vocab": vocabulary, "d_out": out, "head": head}


def is_plain(settings: Settings) -> bool:
    """Whether the architecture is one without a head, such as GPT2Model."""
    named = settings.get("architectures")
    first = str(named[0]) if isinstance(named, list) and named else ""
    return first.endswith("Model") and not first.endswith(("HeadModel", "sModel"))


def tied_to(
    embedding: str, *, by_default: bool
) -> Callable[[Settings, Collection[str]], Mapping[str, str]]:
    """The head and the embedding as one array, where the configuration says so."""

    def tied(settings: Settings, names: Collection[str]) -> Mapping[str, str]:
        said = settings.get("tie_word_embeddings")
        ties = by_default if said is None else said is True
        return {HEAD: embedding} if ties and not (is_plain(settings) and HEAD not in names) else {}

    return tied


def require_told(shapes: Shapes, key: str, said: bool, layers: int, ends: Collection[str]) -> None:
    """Refuse arrays of layers that a configuration leaves out, and the lack of those that it says.

    Raises:
        UserError: naming the key.
    """
    for end in ends:
        there = sum(name.endswith(end) for name in shapes)
        if there != said * layers:
            raise UserError(
                f"its configuration says {key} = {said}, and of {end} there are {there} arrays in "
                f"{layers} layers"
            )


def needed(target: str, source: str, convert: Convert = as_is, old: str = "") -> Step:
    """An array that has to be there, under its name or one that older versions wrote."""
    return Step(target, (source,), convert, otherwise=(old,) if old else (), needed=True)


def normed(target: str, source: str) -> Iterator[Step]:
    """A LayerNorm."""
    yield needed(f"{target}.w", f"{source}.weight", old=f"{source}.gamma")
    yield needed(f"{target}.b", f"{source}.bias", old=f"{source}.beta")


def linear(target: tuple[str, str], source: str, *, bias: bool = True) -> Iterator[Step]:
    """A Linear layer, with a bias that has to be there, or may be."""
    yield needed(target[0], f"{source}.weight", transposed)
    yield Step(target[1], (f"{source}.bias",), needed=bias)


def attention(
    a: Architecture, ours: str, theirs: Mapping[str, str], *, biases: str = ""
) -> Iterator[Step]:
    """Queries, keys, values and what they give, each a Linear layer; `biases` have to be there."""
    for which in "QKV":
        heads = a.n_heads if which == "Q" else a.n_key_value_heads
        split, bias = partial(_split, heads=heads), partial(by_heads, heads=heads)
        yield needed(f"{ours}.W_{which}", f"{theirs[which]}.weight", split)
        yield Step(f"{ours}.b_{which}", (f"{theirs[which]}.bias",), bias, needed=which in biases)
    yield from attention_out(a, ours, theirs["O"], bias="O" in biases)


def attention_out(a: Architecture, ours: str, theirs: str, *, bias: bool) -> Iterator[Step]:
    """What heads give, a Linear layer."""
    yield needed(f"{ours}.W_O", f"{theirs}.weight", partial(_joined, heads=a.n_heads))
    yield Step(f"{ours}.b_O", (f"{theirs}.bias",), needed=bias)


def _split(values: Any, heads: int) -> Any:
    return into_heads(values.T, heads)


def _joined(values: Any, heads: int) -> Any:
    return out_of_heads(values.T, heads)
