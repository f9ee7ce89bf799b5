"""Operations that plans go by, a function of shapes that a checker repeats (9.7 and 10.14)."""

from __future__ import annotations

from probbound.models.transformer.network import GeneralTransformer

_SCORE, _STATE = 40, 16


def planned_row(model: GeneralTransformer, length: int) -> int:
    """Of a row of so many tokens (Definition 9.7)."""
    total = 0
    for name, values in model.arrays.items():
        if name.rpartition(".")[2].startswith("W") and not name.endswith(("W_E", "W_pos")):
            total += 2 * values.size * (length if name.startswith("blocks.") else 1)
    return max(1, total)


def planned_radii(model: GeneralTransformer, length: int) -> int:
    """Of a row with radii (Definition 10.14)."""
    a = model.architecture
    scores = a.n_layers * a.n_heads * length**2 * (4 * a.d_head + _SCORE)
    state = a.d_model + a.n_heads * a.d_head + a.d_mlp
    return planned_row(model, length) + scores + _STATE * length * (a.n_layers + 1) * state
