"""Claims of a mean loss made again: layers of a screen, draws, bounds (Theorem 6.6)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from probbound.check.betting import upper_mean
from probbound.check.bounds import up
from probbound.check.digits import floor
from probbound.check.expected import Level
from probbound.check.models.attention_only.network import Network
from probbound.check.models.attention_only.slack import gamma, slack_of
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.tasks.loss_claim import ExpectedLoss, loss_level, loss_spend
from probbound.check.tasks.max_of_k.layers import (
    Layer,
    layered,
    layers_of,
    mixed,
    worth_drawing_from,
)
from probbound.check.tasks.max_of_k.losses import largest_loss, losses
from probbound.check.tasks.max_of_k.recipe import ALL_RUN, LOOKED_UP, RUN, run_by
from probbound.check.tasks.max_of_k.replay import Leftover, drawing, screened, stream_of

MOST_LOSSES = 1 << 24
_AT_ONCE = 1 << 13
_DRAWN_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Remaking:
    """A certificate, and what is computed again for it: B of Theorem 5.11 first."""

    predicate: Mapping[str, Any]
    network: Network
    law: Law
    largest: float

    @classmethod
    def of(cls, predicate: Mapping[str, Any], network: Network, law: Law) -> Remaking:
        """With the largest loss from the weights."""
        return cls(predicate, network, law, largest_loss(network, law))

    @property
    def budget(self) -> int:
        """Forward passes allowed."""
        return self.predicate["ran"]["budget"] or 0

    @property
    def said(self) -> float:
        """The largest loss as the certificate has it, which its levels are shares of."""
        return max(self.predicate["proof"]["largest_loss"], self.largest)

    def left_at(self, margin: float) -> Leftover:
        """What the screen cannot certify to exceed a margin."""
        slack = slack_of(self.network.weights, margin)
        left = screened(self.predicate, replace(self.network, margin=margin, slack=slack), self.law)
        if left is None:
            raise Refused("it has no screen to run at a margin")
        return left

    def losses(self, tokens: np.ndarray, blank: np.ndarray, otherwise: float) -> np.ndarray:
        """Bounds on the losses of sequences; `otherwise` for what is blank."""
        found = losses(self.network, np.where(blank[:, None], 0, tokens), self.largest)
        return np.where(blank, otherwise, found)

    def level(self, mode: str, upper: float, n: int = 0, log_delta: float | None = None) -> Level:
        """Forward passes, and what they leave."""
        return loss_level(self.predicate, self.largest, mode, upper, n, log_delta)


def made_again(predicate: Mapping[str, Any], network: Network, law: Law) -> ExpectedLoss:
    """What a certificate of a mean loss has to say.

    Raises:
        Refused: if it cannot be computed again.
    """
    recipe = run_by(predicate)
    screen = recipe.screen
    if recipe.rest == ALL_RUN:
        return _over_all(Remaking.of(predicate, network, law))
    if screen is None and recipe.rest in (RUN, LOOKED_UP):
        return _of_inputs(Remaking.of(predicate, network, law))
    if screen is None or screen.by_chance or recipe.rest not in ((), RUN):
        raise Refused(f"a mean loss is not bounded by {recipe.text}")
    case = Remaking.of(predicate, network, law)
    layers = _layers(case)
    proven = layered(layers, case.largest)
    names = [f"{screen.text} at margin {floor(layer.margin, 6):.6g}" for layer in layers]
    levels = tuple(
        (name, "enumerated", up(layer.share), 0, 0, None)
        for name, layer in zip(names, layers, strict=True)
    )
    if not recipe.rest:
        return ExpectedLoss(proven, proven, levels, largest=case.largest)
    best = _drawn_from(case, layers)
    rest = _of_inputs(case) if best is None else _of_layer(case, best)
    upper = min(rest.failure, proven)
    certain = proven if rest.spends else upper
    return replace(rest, failure=upper, proven=certain, levels=(*levels, *rest.levels))


def _over_all(case: Remaking) -> ExpectedLoss:
    """The mean over every input, rounded up (Theorem 5.13 a)."""
    shape = (len(case.law.weights),) * len(case.network.weights.W_pos)
    inputs, whole, parts = math.prod(shape), case.law.total ** len(shape), []
    if inputs > MOST_LOSSES:
        raise Refused(f"a mean loss over {inputs} inputs is not independently re-checked")
    for start in range(0, inputs, _AT_ONCE):
        numbers = np.arange(start, min(start + _AT_ONCE, inputs))
        tokens = np.stack(np.unravel_index(numbers, shape), axis=1)
        masses = case.law.masses(tokens)
        found = losses(case.network, tokens[masses > 0], case.largest)
        parts.append(float(found @ (masses[masses > 0] / whole).astype(np.float64)))
    mean = min(math.fsum(parts) * (1 + 2 * gamma(_AT_ONCE + 18)), case.largest)
    return ExpectedLoss(
        mean, mean, (case.level("enumerated", mean),), drawn=(0, 0, 0, False), largest=case.largest
    )


def _layers(case: Remaking) -> list[Layer]:
    outputs = case.network.weights.W_U.shape[1]
    everything = case.law.total ** len(case.network.weights.W_pos)
    return list(layers_of(case.left_at, case.largest, outputs, everything, case.budget))


def _drawn_from(case: Remaking, layers: list[Layer]) -> Layer | None:
    """The layer whose rest is looked at, chosen from the counts alone; None for all inputs."""
    certainty = -math.log(case.predicate["delta_allowed"])
    at_best = certainty * case.largest / case.budget if case.budget else math.inf
    return worth_drawing_from(layers, at_best)


def _of_inputs(case: Remaking) -> ExpectedLoss:
    """Draws from all inputs (Theorem 1.14 a)."""
    return _drawn(case, None, stream="inputs")


def _of_layer(case: Remaking, layer: Layer) -> ExpectedLoss:
    """What a layer leaves, all of it or draws; with what it certifies (Theorem 1.14 b)."""
    left = case.left_at(layer.margin)
    rest = _listed(case, left, layer) if layer.listed else _drawn(case, left, "residue", layer.loss)
    return replace(rest, failure=mixed(layer, rest.failure))


def _listed(case: Remaking, left: Leftover, layer: Layer) -> ExpectedLoss:
    if left.tickets > MOST_LOSSES:
        raise Refused(f"{left.tickets} losses are more than are independently re-checked")
    total, genuine = [], 0
    for tokens, blank in left.everything():
        total.append(math.fsum(case.losses(tokens, blank, layer.loss)))
        genuine += int((~blank).sum())
    mean = math.fsum(total) / max(left.tickets, 1) * (1 + 2.0**-50)
    mean = min(math.nextafter(mean, math.inf), case.largest)
    level = case.level("enumerated", mean, left.tickets)
    drawn = (left.tickets, genuine, 0, False)
    return ExpectedLoss(mean, mean, (level,), drawn=drawn, largest=case.largest, mean=mean)


def _drawn(
    case: Remaking, left: Leftover | None, stream: str, otherwise: float = 0.0
) -> ExpectedLoss:
    """The betting bound from as many draws as the budget has (Theorem 5.13 c)."""
    n, largest = case.budget, case.largest
    if n == 0:
        level, drawn = case.level("sampled", case.said), (0, 0, 0, False)
        return ExpectedLoss(largest, largest, (level,), drawn=drawn, largest=largest)
    if n > MOST_LOSSES:
        raise Refused(f"{n} losses are more than are independently re-checked")
    tokens_of = drawing(case.network, left, case.law, stream_of(case.predicate).named(stream))
    values, genuine = np.empty(n), 0
    for start in range(0, n, _DRAWN_AT_ONCE):
        stop = min(start + _DRAWN_AT_ONCE, n)
        tokens, blank = tokens_of(start, stop)
        values[start:stop] = case.losses(tokens, blank, otherwise)
        genuine += int((~blank).sum())
    delta = case.predicate["delta_allowed"]
    upper, mean = upper_mean(values, largest, math.log(delta)), float(values.mean())
    level = case.level("sampled", upper, n, math.log(delta))
    drawn = (n, genuine, 0, True)
    spends = (loss_spend(case.predicate, n, "1.14"),)
    return ExpectedLoss(upper, largest, (level,), spends, drawn, largest=largest, mean=mean)
