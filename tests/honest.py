"""Questions that an honest maker may be asked, at random: hostile small models, all strategies."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np

import probbound
from probbound.certificates.certificate import Certificate
from probbound.contract.claims import Claim, claim_of
from probbound.draws.priors import ROUNDED_BITS, Prior
from probbound.models.attention_only.forward_error import logit_slack
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer
from probbound.tasks.max_of_k.strategies import strategy_named
from probbound.tasks.max_of_k.task import task_for
from tests.exact import ExactModel
from tests.factories import perfect_model, random_model

MOST_LISTED = 3000  # inputs of models that are to be listed
MOST_SLACK = 1e-7  # at which bounds on losses agree to nine digits
SHAPES = 3  # of models that are asked about in one chunk, so that little is compiled
MOST_EXACT = 16  # inputs that are run in 200 digits


@dataclass(frozen=True)
class Asked:
    """A question, and where in the random run it stands."""

    place: tuple[int, int, int]
    model: Transformer
    strategy: str
    claim: Claim
    prior: Prior | None
    options: dict[str, Any]

    @property
    def delicate(self) -> bool:
        """Whether two ways of rounding may move a loss by more than the checker allows (6.6)."""
        return self.claim.kind == "loss" and logit_slack(self.model) > MOST_SLACK

    def certify(self) -> Certificate:
        """The answer."""
        task = task_for(self.model, self.prior)
        return probbound.certify(
            self.model, task, strategy=self.strategy, claim=self.claim, **self.options
        )

    def truth(self) -> Any:
        """The share of inputs that fail, or the mean loss, by 200 digits; None of many inputs."""
        if self.model.d_vocab**self.model.n_ctx > MOST_EXACT:
            return None
        law, exact = self.prior or Prior.uniform(self.model.d_vocab), ExactModel(self.model)
        each: dict[tuple[int, ...], Any] = (
            exact.losses()
            if self.claim.kind == "loss"
            else dict.fromkeys(exact.wrong(self.claim.margin), 1)
        )
        total = mpmath.mpf(0)
        for tokens, found in each.items():
            total += found * math.prod(law.weights[token] for token in tokens)
        return total / law.total**self.model.n_ctx


def asked(seed: int, chunk: int, number: int, strategy: str) -> Asked:
    """Question `number` of a chunk; chunks share a few shapes of models."""
    shapes = np.random.default_rng([seed, chunk])
    shape = [_shape(shapes) for _ in range(SHAPES)][number % SHAPES]
    rng = np.random.default_rng([seed, chunk, number])
    if strategy == "brute-force" and shape["d_vocab"] ** shape["n_ctx"] > MOST_LISTED:
        shape = {**shape, "n_ctx": 2}
    if not {"brute-force", "iid", "cubic"} & {*strategy.split(":")} and ":" in strategy:
        shape = {**shape, "n_heads": 1}
    model, answers = _model(rng, shape), strategy_named(strategy)
    claim = _claim(rng, model, answers.loss is not None)
    prior = _prior(rng, model) if answers.general else None
    return Asked(
        (seed, chunk, number), model, strategy, claim, prior, _options(rng, strategy, claim)
    )


def _shape(rng: np.random.Generator) -> dict[str, int]:
    d_vocab = int(rng.integers(1, 9))
    lengths = [k for k in range(1, 23) if d_vocab**k <= MOST_LISTED or d_vocab**k > 1 << 26]
    weights = np.array([1.0 if d_vocab**k <= MOST_LISTED else 0.1 for k in lengths])
    return {
        "d_vocab": d_vocab,
        "n_ctx": int(rng.choice(lengths, p=weights / weights.sum())),
        "d_model": int(rng.integers(1, 7)),
        "d_head": int(rng.integers(1, 5)),
        "n_heads": int(rng.choice([1, 1, 1, 1, 2, 3])),
        "d_vocab_out": d_vocab + int(rng.choice([0, 0, 0, 1, 3])),
    }


def _model(rng: np.random.Generator, shape: dict[str, int]) -> Transformer:
    seed = int(rng.integers(1 << 30))
    kind = rng.choice(["random", "copying", "integers", "zeros"], p=[0.4, 0.35, 0.2, 0.05])
    model = random_model(seed, **shape, biases=bool(rng.integers(2)))
    if kind == "copying":
        noise = float(rng.choice([0.0, 1e-3, 0.03, 0.2]))
        steepness = float(rng.choice([0.3, 2.0, 6.0, 60.0, 200.0]))
        sizes = shape["d_vocab"], shape["n_ctx"]
        model = perfect_model(*sizes, seed=seed, noise=noise, steepness=steepness)
    weights = {name: np.array(getattr(model, name), dtype=float) for name in WEIGHT_SHAPES}
    if kind == "integers":
        weights = {name: rng.integers(-2, 3, w.shape).astype(float) for name, w in weights.items()}
    if kind == "zeros":
        for name in rng.choice(list(weights), 4):
            weights[name] *= 0
    for change in rng.choice(list(_CHANGES), int(rng.choice([0, 1, 1, 2, 3]))):
        _CHANGES[change](rng, weights)
    return replace(model, **weights)


Weights = dict[str, np.ndarray]


def _scale(rng: np.random.Generator, weights: Weights) -> None:
    """Each by a power of two, some up to those at which nothing can be said."""
    bits = int(rng.choice([2, 8, 20, 60, 300], p=[0.3, 0.3, 0.2, 0.15, 0.05]))
    for name, values in weights.items():
        weights[name] = values * 2.0 ** float(rng.integers(-bits, bits + 1))


def _compensate(rng: np.random.Generator, weights: Weights) -> None:
    """Very different sizes that make up for each other."""
    bits = int(rng.choice([5, 20, 40]))
    for one, other in (("W_Q", "W_K"), ("W_V", "W_O"), ("W_E", "W_U"), ("b_Q", "b_K")):
        moved = int(rng.integers(-bits, bits + 1))
        weights[one], weights[other] = weights[one] * 2.0**moved, weights[other] * 2.0**-moved


def _steepen(rng: np.random.Generator, weights: Weights) -> None:
    """Scores up to those at which most attention underflows."""
    weights["W_K"] = weights["W_K"] * float(rng.choice([30.0, 300.0, 3000.0, 1e5]))


def _duplicate(rng: np.random.Generator, weights: Weights) -> None:
    """A token, an output or a position twice."""
    name = rng.choice(["W_E", "W_pos", "W_U"])
    values = weights[name].T if name == "W_U" else weights[name]
    values[rng.integers(len(values))] = values[rng.integers(len(values))]


def _spike(rng: np.random.Generator, weights: Weights) -> None:
    """One number far larger than all."""
    values = weights[rng.choice(list(weights))]
    values.flat[rng.integers(values.size)] = float(rng.choice([1e3, -1e6, 1e12]))


def _zero(rng: np.random.Generator, weights: Weights) -> None:
    """A matrix of zeros."""
    weights[rng.choice(list(weights))] *= 0


def _nearly_equal(rng: np.random.Generator, weights: Weights) -> None:
    """Outputs that differ in their last bits alone."""
    weights["W_U"][:] = weights["W_U"][:, :1]
    weights["b_U"][:] = weights["b_U"][0] * (
        1 + 2.0**-52 * rng.integers(-2, 3, len(weights["b_U"]))
    )


_CHANGES: dict[str, Callable[[np.random.Generator, Weights], None]] = {
    "scale": _scale,
    "compensate": _compensate,
    "steepen": _steepen,
    "duplicate": _duplicate,
    "spike": _spike,
    "zero": _zero,
    "nearly equal": _nearly_equal,
}


def _claim(rng: np.random.Generator, model: Transformer, losses: bool) -> Claim:
    kind = str(rng.choice(["accuracy", "margin", "loss"], p=[0.4, 0.35, 0.25]))
    if kind != "margin":
        return claim_of(kind if losses else "accuracy")
    at = float(rng.choice([0.0, 1e-9, 0.3, -0.3, 2.0**-300, 40.0, -40.0, 1e17]))
    if rng.integers(2):
        at = _margin(model, rng.integers(model.d_vocab, size=model.n_ctx))
        at += float(rng.choice([0.0, 0.0, -1e-12, -1e-3, -1.0]))
    return Claim("margin", at if np.isfinite(at) else 0.0)


def _margin(model: Transformer, tokens: np.ndarray) -> float:
    """The computed margin of one input, a tie for a claim at it."""
    with np.errstate(all="ignore"):
        x = np.asarray(model.W_E)[tokens] + model.W_pos
        out = x[-1] + np.asarray(model.b_O)
        for h in range(model.n_heads):
            query = x[-1] @ model.W_Q[h] + model.b_Q[h]
            scores = (x @ model.W_K[h] + model.b_K[h]) @ query / model.attn_scale
            weights = np.exp(scores - scores.max())
            out = out + (weights / weights.sum()) @ (x @ model.W_V[h] + model.b_V[h]) @ model.W_O[h]
        logits = out @ model.W_U + model.b_U
        others = np.delete(logits, tokens.max())
        return float(logits[tokens.max()] - others.max()) if len(others) else 0.0


def _prior(rng: np.random.Generator, model: Transformer) -> Prior | None:
    kind = rng.choice(["none", "small", "large", "rounded"], p=[0.7, 0.1, 0.1, 0.1])
    if kind == "none":
        return None
    most = {"small": 4, "large": 1 << 20, "rounded": 1 << ROUNDED_BITS}[kind]
    numbers = [int(n) for n in rng.integers(0, most, model.d_vocab)]
    numbers[rng.integers(model.d_vocab)] += 1
    return Prior(tuple(numbers), ROUNDED_BITS if kind == "rounded" else None)


def _options(rng: np.random.Generator, strategy: str, claim: Claim) -> dict[str, Any]:
    kind, *rest = strategy.split(":")
    budgets = [0, 1, 2, 7, 40, 300, 3000] + ([60_000] if kind not in ("cascade",) else [])
    if kind == "entries":
        budgets = [0, 30, 60, 100, 1000, 10_000, 10**7]
    easy = "sketch" not in rest and claim.kind != "loss"  # one takes seconds, one has few digits
    largest = 1 - 1e-9 if easy else 0.99
    delta = float(rng.choice([1e-300, 1e-30, 1e-6, 1e-3, 0.05, 0.2, 0.9, largest]))
    found: dict[str, Any] = {"budget": int(rng.choice(budgets)), "delta": delta}
    if rng.integers(4) == 0:
        found |= dict(
            [[("seed", int(rng.integers(1 << 40))), ("beacon", "public")][rng.integers(2)]]
        )
    if rng.integers(3) == 0 and (strategy == "hybrid" or "cubic" in (strategy, *rest)):
        found["grid_points"] = int(rng.choice([1, 9, 100, 1023]))
    if kind == "entries" and rest in ([], ["counted"]) and rng.integers(2):
        found["paths"] = str(rng.choice(["joint", "separate"]))
    if kind == "cascade":
        ends = [
            {},
            {"draws": int(rng.choice([0, 1, 60, 5000]))},
            {"target": float(rng.choice([0.02, 0.3, 0.9]))},
            {"stopped_at": int(rng.choice([0, 5, 700]))},
        ]
        found |= ends[rng.integers(len(ends))]
    return found
