"""A transformer of attention alone in homogeneous coordinates (Definition 10.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.network import GeneralTransformer

UNIT = 2.0**-53
LEAST = 2.0**-900
MOST_SIZE = 2.0**200
MOST_SCORE_OFF = 0.125  # of the first layer, by rounding
MOST_PLACES, MOST_HEADS = 512, 64

_WANTED = {
    "norm": "none",
    "d_mlp": 0,
    "positions": "learned",
    "causal": True,
    "score_cap": None,
    "logit_cap": None,
    "head": "unembed",
}


def require_attention_alone(a: Architecture) -> None:
    """Refuse what the theorems of chapter 10 are not about.

    Raises:
        UserError: naming the first choice of the configuration that they leave out.
    """
    for name, wanted in _WANTED.items():
        if (found := getattr(a, name)) != wanted:
            raise UserError(
                f"screens over whole sets of sequences are for attention alone, {name} {wanted}, "
                f"got {found}; iid runs any transformer"
            )
    if any(window is not None for window in a.windows):
        raise UserError("screens over whole sets of sequences know no attention windows")
    if a.n_layers < 1:
        raise UserError("screens over whole sets of sequences want a layer of attention")
    if a.n_ctx > MOST_PLACES or a.n_heads > MOST_HEADS:
        raise UserError(
            f"screens over whole sets of sequences are for at most {MOST_PLACES} positions and "
            f"{MOST_HEADS} heads, got {a.n_ctx} and {a.n_heads}; iid runs any transformer"
        )


@dataclass(frozen=True)
class Form:
    """Matrices of a network of L layers and H heads, d numbers wide and one beside them.

    `atoms` are the embeddings [positions, tokens, d + 1]; `scores` and `values` the A and Z of
    every layer and head, [L, H, d + 1, d + 1]; `outcomes` is [d + 1, out]. Sizes are those of
    Theorem 10.4; no embedding's is above `atom_size`.
    """

    atoms: Float[np.ndarray, "n_ctx d_vocab width"]
    scores: Float[np.ndarray, "layers heads width width"]
    values: Float[np.ndarray, "layers heads width width"]
    outcomes: Float[np.ndarray, "width out"]
    atom_size: float
    score_sizes: Float[np.ndarray, "layers heads"]
    value_sizes: Float[np.ndarray, "layers heads"]
    roundings: int
    name: str = field(default="unnamed")

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.scores)

    @property
    def n_heads(self) -> int:
        """Number of heads of each."""
        return self.scores.shape[1]

    @property
    def gamma(self) -> float:
        """γ of the roundings that anything here goes through."""
        return self.roundings * UNIT / (1 - self.roundings * UNIT) * (1 + 2.0**-30)


def form_of(model: GeneralTransformer) -> Form:
    """The matrices of a network of attention alone.

    Raises:
        UserError: if it is another, or its weights are so large that nothing could be proved.
    """
    require_attention_alone(model.architecture)
    with np.errstate(over="ignore", invalid="ignore"):
        found = _form_of(model)
        _require_small(found)
    return found


def _form_of(model: GeneralTransformer) -> Form:
    a, held = model.architecture, model.arrays
    arrays = {name: values.astype(np.float64) for name, values in held.items()}
    d = a.d_model
    embed = arrays["embed.W_E"] + arrays.get("embed.b_E", np.zeros(d))
    position = arrays["pos_embed.W_pos"]
    atoms = np.ones((a.n_ctx, a.d_vocab, d + 1))
    atoms[..., :d] = embed[None] + position[:, None]
    scores = np.zeros((a.n_layers, a.n_heads, d + 1, d + 1))
    values = np.zeros_like(scores)
    score_sizes = np.zeros((a.n_layers, a.n_heads))
    value_sizes = np.zeros_like(score_sizes)
    shared = a.n_heads // a.n_key_value_heads
    for layer in range(a.n_layers):
        at = f"blocks.{layer}.attn"
        for head in range(a.n_heads):
            q, k, v = (
                _with_bias(arrays, f"{at}.W_{which}", f"{at}.b_{which}", number)
                for which, number in (("Q", head), ("K", head // shared), ("V", head // shared))
            )
            out = arrays[f"{at}.W_O"][head]
            scores[layer, head] = q @ k.T / a.attn_scale
            values[layer, head, :, :d] = v @ out
            value_sizes[layer, head] = _norm(v) * _norm(out)
            if head == 0 and f"{at}.b_O" in arrays:
                values[layer, head, -1, :d] += arrays[f"{at}.b_O"]
                value_sizes[layer, head] += _norm(arrays[f"{at}.b_O"])
            score_sizes[layer, head] = _norm(q) * _norm(k) / a.attn_scale
    outcomes = np.vstack(
        [arrays["unembed.W_U"], arrays.get("unembed.b_U", np.zeros(a.d_out))[None]]
    )
    roundings = 64 * (d + a.d_head + 2) * (a.n_layers + 1)
    return Form(
        *(atoms, scores, values, outcomes, _atom_size(arrays)),
        *(score_sizes * (1 + 2.0**-30), value_sizes * (1 + 2.0**-30)),
        *(roundings, model.name),
    )


def _require_small(form: Form) -> None:
    grown = form.atom_size * (1 + form.value_sizes.sum(axis=1)).prod()
    sizes = (grown**2 * form.score_sizes.max(), grown * _norm(form.outcomes))
    off = form.gamma * form.atom_size**2 * form.score_sizes[0].max()
    if not (all(size < MOST_SIZE for size in sizes) and off <= MOST_SCORE_OFF):
        raise UserError(f"the weights of {form.name} are too large for a bound in float64")


def _atom_size(arrays: dict[str, np.ndarray]) -> float:
    """Of the longest sum of a token's row, its bias, a position's row and 1: they may cancel."""
    parts = (
        arrays[name] for name in ("embed.W_E", "embed.b_E", "pos_embed.W_pos") if name in arrays
    )
    longest = (np.sqrt((rows * rows).sum(axis=-1)).max() for rows in parts)
    return (1 + float(sum(longest))) * (1 + 2.0**-30)


def _with_bias(
    arrays: dict[str, np.ndarray], weight: str, bias: str, head: int
) -> Float[np.ndarray, "width d_head"]:
    matrix = arrays[weight][head]
    row = arrays[bias][head] if bias in arrays else np.zeros(matrix.shape[1])
    return np.vstack([matrix, row[None]])


def _norm(values: np.ndarray) -> float:
    return float(np.sqrt((values * values).sum())) * (1 + 2.0**-30)
