"""The network in 200-digit arithmetic: what claims about its weights as real numbers must meet."""

import itertools

import mpmath
import numpy as np

from probbound.models.transformer import WEIGHT_SHAPES, Transformer

DIGITS = 200


def exact_margins(model: Transformer) -> dict[tuple[int, ...], mpmath.mpf]:
    """Of every sequence of max-of-K: the label's logit minus the largest other one."""
    with mpmath.workdps(DIGITS):
        network = _Network(model)
        sequences = itertools.product(range(model.d_vocab), repeat=model.n_ctx)
        return {tokens: network.margin(tokens) for tokens in sequences}


def exact_failures(model: Transformer) -> int:
    """How many sequences are answered wrongly; a tie is wrong."""
    return sum(margin <= 0 for margin in exact_margins(model).values())


class _Network:
    """Weights, and what depends on one token only, as exact matrices."""

    def __init__(self, model: Transformer):
        exact = np.vectorize(mpmath.mpf, otypes=[object])
        arrays = {
            name: np.asarray(getattr(model, name), dtype=np.float64) for name in WEIGHT_SHAPES
        }
        w = {name: exact(array) for name, array in arrays.items()}
        self.heads, self.scale = range(model.n_heads), mpmath.mpf(float(model.attn_scale))
        self.residual = w["W_E"][:, None] + w["W_pos"]
        self.queries = [self.residual[:, -1] @ w["W_Q"][h] + w["b_Q"][h] for h in self.heads]
        self.keys = [self.residual @ w["W_K"][h] + w["b_K"][h] for h in self.heads]
        unembed = w["W_U"]
        self.values = [
            (self.residual @ w["W_V"][h] + w["b_V"][h]) @ w["W_O"][h] @ unembed for h in self.heads
        ]
        self.direct = (self.residual[:, -1] + w["b_O"]) @ unembed + w["b_U"]

    def margin(self, tokens: tuple[int, ...]) -> mpmath.mpf:
        logits, places = self.direct[tokens[-1]], list(enumerate(tokens))
        for h in self.heads:
            query = self.queries[h][tokens[-1]]
            scores = [query @ self.keys[h][t, p] / self.scale for p, t in places]
            weights = [mpmath.exp(score) for score in scores]
            mixed = [
                weight * self.values[h][t, p]
                for weight, (p, t) in zip(weights, places, strict=True)
            ]
            logits = logits + sum(mixed) / sum(weights)
        label = max(tokens)
        others = [logit for j, logit in enumerate(logits) if j != label]
        return logits[label] - max(others) if others else mpmath.inf
