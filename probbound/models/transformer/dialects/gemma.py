"""Gemma (the first) of Hugging Face: Llama with weights of norms less 1 and a scaled embedding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.dialect import Shapes
from probbound.models.transformer.dialects.hugging_face import ACTIVATIONS
from probbound.models.transformer.dialects.keys import Told
from probbound.models.transformer.dialects.llama import Family, biases

_ACTIVATIONS = {**ACTIVATIONS, "gelu": "gelu_tanh"}  # the word of the first releases for it


def _choices(told: Told, shapes: Shapes, layers: int) -> dict[str, Any]:
    """`hidden_activation`, where it is told, is what version 4 computes with."""
    usual = "gelu_pytorch_tanh"
    act = told.word("hidden_act", _ACTIVATIONS, usual)
    if told.word("hidden_activation", _ACTIVATIONS, usual) != act:
        raise UserError("its configuration says hidden_act and hidden_activation, two things")
    told.only("use_bidirectional_attention", False)  # its mask depends on the code of attention
    return {"activation": act}


def one_more(w: Float[np.ndarray, " width"]) -> Float[np.ndarray, " width"]:
    """1 + w, where it is a float64.

    Raises:
        UserError: if it is not: the network would be another one.
    """
    wide = w.astype(np.float64)
    total = 1.0 + wide
    part = total - 1.0
    if ((1.0 - (total - part)) + (wide - part)).any():  # what the sum lost, exactly
        raise UserError("weights of norms plus 1 are no float64, so they cannot be stored exactly")
    return total


def _scaled(
    a: Architecture, table: Float[np.ndarray, "tokens width"]
) -> Float[np.ndarray, "tokens width"]:
    """The embedding times √d_model rounded to float32, exactly.

    Raises:
        UserError: if products are no float64.
    """
    scale = float(np.float32(math.sqrt(a.d_model)))
    if table.dtype.itemsize > np.dtype(np.float32).itemsize and math.frexp(scale)[0] != 0.5:
        raise UserError(f"an embedding in {table.dtype} times {scale} is no float64; save float32")
    return table.astype(np.float64) * scale


DIALECT = Family(
    "Gemma",
    "gemma",
    (biases("attention_bias", "QKVO"), biases("", "")),
    _choices,
    head=256,
    tied=True,
    norms=one_more,
    embedding=_scaled,
).dialect()
