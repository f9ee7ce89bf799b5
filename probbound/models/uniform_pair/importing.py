"""Nearly uniform transformers of others: those of fjzzq2002/pizza, whose names are the older ones
of TransformerLens, with weights transposed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.imported import Imported
from probbound.models.settings_beside import modulus_in, settings_beside
from probbound.models.uniform_pair.network import UniformPair, require_finite
from probbound.models.uniform_pair.stating import configuration_of

_BLOCK = "blocks.0."
_AXES = {
    "embed.W_E": 2,
    "pos_embed.W_pos": 2,
    "unembed.W_U": 2,
    **{f"{_BLOCK}attn.W_{part}": 3 for part in "KQV"},
    f"{_BLOCK}attn.W_O": 2,
    f"{_BLOCK}attn.mask": 2,
    f"{_BLOCK}mlp.W_in": 2,
    f"{_BLOCK}mlp.W_out": 2,
    f"{_BLOCK}mlp.b_in": 1,
    f"{_BLOCK}mlp.b_out": 1,
}
_SETTINGS = frozenset(
    [
        *("C", "model_type", "n_vocab", "n_heads", "d_model", "n_layers", "act_fn"),
        *("attention_dir", "attn_coeff", "diff_vocab", "eqn_sign"),
        *("name", "funcs", "func", "runid", "epoch", "batch_size", "lr", "weight_decay", "frac"),
    ]
)
_MASK = f"{_BLOCK}attn.mask"  # of no effect there: both positions are attended to


def speaks_of(content: Any, config: str | None = None, weights: str | None = None) -> bool:
    """Whether a file holds these weights, and nothing more: TransformerLens' have biases too."""
    return isinstance(content, Mapping) and set(content) == set(_AXES)


def network_in(
    content: Mapping[str, np.ndarray], path: Path, config: str | None, weights: str | None
) -> Imported[UniformPair]:
    """The network of a state dict and of its settings beside it; the answer is at the second token.

    Of the embedding and the unembedding what no pair uses is left out: the tokens of the other
    operand, and outputs beyond C, which are never read.

    Raises:
        UserError: if weights do not fit, or the settings are of a network that is not computed
            with here: of another activation, more layers, or read at an equals sign.
    """
    if weights is not None:
        raise UserError(f"{path} holds one state dict alone; leave --weights out")
    told = settings_beside(config, path, _SETTINGS)
    classes = modulus_in(told, str(config))
    _require_form(told, str(config))
    for name, axes in _AXES.items():
        if content[name].ndim != axes:
            raise UserError(f"{name} in {path} has shape {content[name].shape}, not {axes} axes")
    model = _of(content, told, classes, path)
    require_finite(model)
    record = {"task": "modular-addition", "p": classes}
    said, left_out = configuration_of(model), [_MASK]
    if beyond := content["unembed.W_U"].shape[1] - classes:
        left_out.append(f"the last {beyond} columns of unembed.W_U")
    return Imported(model, config, said, "the file itself", "", tuple(left_out), record)


def _require_form(told: Mapping[str, Any], config: str) -> None:
    if told.get("act_fn") != "ReLU" or told.get("n_layers") != 1:
        raise UserError(
            f"{config} says {told.get('n_layers')} layers of {told.get('act_fn')}, and one of ReLU "
            "is all that is computed with"
        )
    if told.get("eqn_sign"):
        raise UserError(f"{config} says that the answer is read at an equals sign, not at b")


def _of(
    content: Mapping[str, np.ndarray], told: Mapping[str, Any], classes: int, path: Path
) -> UniformPair:
    own = bool(told.get("diff_vocab"))
    tokens, heads = content["embed.W_E"].T, content[f"{_BLOCK}attn.W_V"]
    number, width = heads.shape[:2]
    mixed = content[f"{_BLOCK}attn.W_O"].T
    if len(tokens) != classes * (1 + own) or told.get("n_heads") != number:
        raise UserError(
            f"{path} has {len(tokens)} tokens and {number} heads, and its settings say C = "
            f"{classes}, {'own' if own else 'shared'} tokens and {told.get('n_heads')} heads"
        )
    if len(mixed) != number * width:
        raise UserError(f"{_BLOCK}attn.W_O in {path} reads {len(mixed)}, not {number} × {width}")
    coefficient = told.get("attn_coeff")
    if isinstance(coefficient, bool) or not isinstance(coefficient, int | float):
        raise UserError(f"attn_coeff of {path} must be a number, got {coefficient!r}")
    parts: dict[str, Any] = {
        f"W_{part}": content[f"{_BLOCK}attn.W_{part}"].transpose(0, 2, 1) for part in "QKV"
    }
    return UniformPair(
        W_E=tokens[:classes],
        W_E2=tokens[classes:] if own else None,
        W_pos=content["pos_embed.W_pos"],
        **parts,
        W_O=mixed.reshape(number, width, -1),
        W_in=content[f"{_BLOCK}mlp.W_in"].T,
        b_in=content[f"{_BLOCK}mlp.b_in"],
        W_out=content[f"{_BLOCK}mlp.W_out"].T,
        b_out=content[f"{_BLOCK}mlp.b_out"],
        W_U=content["unembed.W_U"][:, :classes],
        attn_coeff=float(coefficient),
        name=path.stem,
    )
