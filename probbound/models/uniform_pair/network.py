"""A transformer of two tokens whose attention is nearly uniform: one layer, and one of ReLU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Int

from probbound.machine.errors import UserError
from probbound.models.uniform_pair.names import OPTIONAL, WEIGHT_SHAPES


@dataclass(frozen=True, eq=False)
class UniformPair:
    """logits(a, b) = (x + relu(x W_in + b_in) W_out + b_out) W_U, read at the second position.

    x = x_1 + Σ_hq (c σ_hq + 1 - c) x_q V_h O_h, with x_0 = W_E[a] + W_pos[0],
    x_1 = W_E2[b] + W_pos[1] (W_E where there is no W_E2), c = `attn_coeff` and σ_h the softmax over
    both positions of the scores x_1 Q_h · x_q K_h / √d_head. Where c is 0 each head adds up both
    tokens as they are. `made_for` is the task that its file says it was made for.

    Raises:
        UserError: if shapes do not fit together, or c is not between 0 and 1.
    """

    W_E: Float[np.ndarray, "_ _"]
    W_pos: Float[np.ndarray, "_ _"]
    W_Q: Float[np.ndarray, "_ _ _"]
    W_K: Float[np.ndarray, "_ _ _"]
    W_V: Float[np.ndarray, "_ _ _"]
    W_O: Float[np.ndarray, "_ _ _"]
    W_in: Float[np.ndarray, "_ _"]
    b_in: Float[np.ndarray, " _"]
    W_out: Float[np.ndarray, "_ _"]
    b_out: Float[np.ndarray, " _"]
    W_U: Float[np.ndarray, "_ _"]
    attn_coeff: float
    W_E2: Float[np.ndarray, "_ _"] | None = None
    name: str = "unnamed"
    made_for: str = ""
    kind: ClassVar[str] = "uniform-pair"

    def __post_init__(self) -> None:
        sizes = {"n_ctx": 2}
        for weight, values in weights_of(self).items():
            axes, shape = WEIGHT_SHAPES[weight], np.shape(values)
            fits = len(axes) == len(shape) and 0 not in shape
            if not fits or any(
                sizes.setdefault(axis, size) != size for axis, size in zip(axes, shape, strict=True)
            ):
                raise UserError(
                    f"{weight} has shape {shape}, wanted {', '.join(axes)}, beside weights with "
                    f"{sizes}"
                )
        if not 0 <= self.attn_coeff <= 1:
            raise UserError(f"attn_coeff must lie between 0 and 1, got {self.attn_coeff!r}")

    @property
    def n_ctx(self) -> int:
        """Two operands."""
        return 2

    @property
    def d_vocab(self) -> int:
        """Values of each operand."""
        return len(self.W_E)

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.W_in.shape[0]

    @property
    def d_mlp(self) -> int:
        """Number of neurons."""
        return self.W_in.shape[1]

    @property
    def d_vocab_out(self) -> int:
        """Classes."""
        return self.W_U.shape[1]


def weights_of(model: UniformPair) -> dict[str, Any]:
    """The weights that are there, by name."""
    found = {weight: getattr(model, weight) for weight in WEIGHT_SHAPES}
    return {w: values for w, values in found.items() if w not in OPTIONAL or values is not None}


def require_finite(model: UniformPair) -> None:
    """Refuse weights with NaN or infinite entries.

    Raises:
        UserError: naming the first such weight.
    """
    for weight, values in weights_of(model).items():
        if not np.all(np.isfinite(np.asarray(values))):
            raise UserError(f"{weight} holds a NaN or an infinity; no bound can be given")


def logits(
    model: UniformPair, tokens: Int[np.ndarray, "n 2"], dtype: type
) -> Float[np.ndarray, "n d_vocab_out"]:
    """Of each pair with its attention, every operation in a float type; no claim rests on them."""
    w = {name: np.asarray(values, dtype=dtype) for name, values in weights_of(model).items()}
    first = w["W_E"][tokens[:, 0]] + w["W_pos"][0]
    second = w.get("W_E2", w["W_E"])[tokens[:, 1]] + w["W_pos"][1]
    x, c = np.stack([first, second], axis=1), dtype(model.attn_coeff)
    query = np.einsum("nd,hde->nhe", second, w["W_Q"])
    scores = np.einsum("nhe,nqd,hde->nhq", query, x, w["W_K"], optimize=True)
    scores = scores / dtype(w["W_Q"].shape[2] ** 0.5)
    pattern = np.exp(scores - scores.max(axis=2, keepdims=True))
    weights = c * pattern / pattern.sum(axis=2, keepdims=True) + (1 - c)
    mixed = np.einsum("nhq,nqd->nhd", weights, x)
    middle = second + np.einsum("nhd,hde,hef->nf", mixed, w["W_V"], w["W_O"], optimize=True)
    hidden = np.maximum(middle @ w["W_in"] + w["b_in"], 0)
    end = middle + hidden @ w["W_out"] + w["b_out"]
    return (end @ w["W_U"]).astype(np.float64)
