"""Tolerances of one length at another: the noise is the same, but for known numbers (4.39)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import Transformer, in_float64
from probbound.tasks.max_of_k.structured.parts import Sizes
from probbound.tasks.max_of_k.structured.tolerances import Brackets, far_rows

_SUMMANDS = 3


def shortened(model: Transformer, length: int) -> Transformer:
    """The same model on its first positions, its answer read at the last of them.

    Raises:
        UserError: if it has no such position.
    """
    if not 1 <= length <= model.n_ctx:
        raise UserError(f"{model.name} has 1 to {model.n_ctx} positions, not {length}")
    return replace(model, W_pos=model.W_pos[:length])


def at_length(model: Transformer, brackets: Brackets, length: int) -> Brackets:
    """What logits compare by at another length if noise is within the tolerances of the whole one.

    `brackets` are those of `model`; whichever noise they tolerate these do (Theorem 4.39).

    Raises:
        UserError: if it has no such position.
    """
    parts, tolerances = brackets.parts, brackets.tolerances
    places = shortened(model, length).W_pos
    if length == parts.n_ctx:
        return brackets
    m, v = in_float64(model), parts.d_vocab
    places = np.asarray(places, dtype=np.float64)
    last = places[-1] - m.W_pos[-1]
    mean = (places.mean(axis=0) - m.W_pos.mean(axis=0)) @ m.W_V[0] @ m.W_O[0]
    keys, outputs = parts.scores.factors[1].T, parts.direct.factors[1]
    query = m.W_K[0] @ (last @ m.W_Q[0]) / m.attn_scale
    scores, moved, shift = keys @ query, mean @ outputs, last @ outputs
    size = parts.size @ np.asarray(m.W_E - m.W_E.mean(axis=0))
    short = replace(
        parts,
        steepness=parts.steepness + query @ size,
        place=parts.place + np.ptp(places @ query) / 2,
        mean=parts.mean + moved + shift,
        position=parts.position[:length] - moved,
        copying=parts.copying + (moved + shift)[:v],
        own_score=parts.own_score + scores,
        score_error=_SUMMANDS * parts.score_error,
        output_error=_SUMMANDS * parts.output_error,
    )
    score = tolerances.score + float(np.abs(scores).max())
    row = tolerances.row + float(shift.max()) + moved[:v]
    return Brackets(short, replace(tolerances, score=score, row=row, far_row=far_rows(short)))


def length_flops(sizes: Sizes, length: int) -> int:
    """Operations of `at_length`."""
    v, d, out = sizes.d_vocab, sizes.d_model, sizes.d_vocab_out
    factors = 8 * d * d + 4 * v * d + 2 * length * d
    return factors + 4 * d * out + 8 * v + (length + 4) * out
