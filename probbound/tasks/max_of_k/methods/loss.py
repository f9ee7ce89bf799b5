"""Strategies for the mean cross-entropy: every loss bounded from the weights, then sampled."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.decimals import lower
from probbound.arithmetic.rounding import ratio_up
from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.contract.residue import listed_by
from probbound.models.attention_only.evaluation import ForwardLoss
from probbound.strategies.levels import EveryTicket, Inputs, Source, TicketDraws
from probbound.strategies.losses import Losses, capped, loss_level, of_losses
from probbound.strategies.means import Measure, mean_of_all, measured
from probbound.strategies.outcome import Level, LossBound, Outcome, Sampled
from probbound.tasks.max_of_k.losses import largest_loss, largest_loss_flops, loss_at, margin_for
from probbound.tasks.max_of_k.methods.brute_force import all_sequences, mean_loss
from probbound.tasks.max_of_k.preparation import tables
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.screen import Screen
from probbound.tasks.max_of_k.screens.sequences import TableLoss

LAYERS = 16
LEAST_LAYER = 1e-5

Build = Callable[[Question], Screen]


@dataclass(frozen=True)
class Layer:
    """A screen run at one margin: what it certifies has a loss of at most `loss`.

    `share` is the share of inputs it leaves, and `listed` whether the budget of forward passes
    covers all of these.
    """

    margin: float
    loss: float
    share: Fraction
    listed: bool


def brute_force_loss(question: Question, meter: CostMeter) -> Outcome:
    """The mean loss over every sequence (Theorems 1.1 and 5.13).

    Raises:
        UserError: as `brute_force`.
    """
    largest = _largest(question, meter)
    with all_sequences(question, meter) as tables:
        mean = mean_loss(tables, question.task.law, largest)
    return of_losses(LossBound(mean, mean, largest), (loss_level("enumerated", mean, largest),))


def iid_loss(question: Question, meter: CostMeter) -> Outcome:
    """The losses of plain input samples (Theorems 1.14, 5.13). Fixed-n, with replacement."""
    largest = _largest(question, meter)
    return _from_inputs(question, ForwardLoss.of(question.model, question.task), largest, meter)


def iid_loss_from_tables(question: Question, meter: CostMeter) -> Outcome:
    """`iid_loss` with forward passes looked up in tables (Theorems 1.1 and 1.14)."""
    largest = _largest(question, meter)
    measure = TableLoss(tables(question, meter).exact)
    return _from_inputs(question, measure, largest, meter)


def screened_loss(build: Build, question: Question, meter: CostMeter) -> Outcome:
    """The screen alone, at several margins (Theorem 1.13). Deterministic."""
    largest = _largest(question, meter)
    layers = _layers(build, question, largest, meter)
    bound = layered_bound(layers, largest)
    levels = _levels(build(question), layers)
    return of_losses(LossBound(bound, bound, largest), levels)


def hybrid_loss(build: Build, question: Question, meter: CostMeter) -> Outcome:
    """The screen at one margin, then forward passes on draws from what it left (Theorem 1.14).

    The margin is chosen from the counts alone, before any draw. Where the budget covers all that
    is left, every sequence of it is run and the bound is deterministic; where no margin is worth
    screening for, the draws are those of `iid_loss`.
    """
    largest = _largest(question, meter)
    layers = _layers(build, question, largest, meter)
    proven, levels = layered_bound(layers, largest), _levels(build(question), layers)
    best = _most_promising(layers, question, largest)
    if best is None:
        found = iid_loss(question, meter)
    else:
        found = _after_screen(build, best, question, largest, meter)
    if found.loss is None:
        raise TypeError("what samples a mean loss gave no bound on one")
    upper = min(found.loss.upper if best is None else _mixed(best, found.loss.upper), proven)
    certain = proven if found.ledger.spends else upper
    loss = LossBound(upper, certain, largest)
    return replace(found, loss=loss, levels=(*levels, *found.levels))


def layered_bound(layers: Sequence[Layer], largest: float) -> float:
    """The mean loss if every input had the largest that its layers allow (Theorem 1.13)."""
    above, bound = Fraction(largest), Fraction(0)
    for layer in layers:
        bound += layer.share * (above - Fraction(layer.loss))
        above = Fraction(layer.loss)
    return ratio_up(bound + above, 1)


def _mixed(layer: Layer, rest: float) -> float:
    """The mean loss where that of what the layer leaves is at most `rest` (Theorem 1.14)."""
    certain = (1 - layer.share) * Fraction(layer.loss)
    return ratio_up(certain + layer.share * Fraction(rest), 1)


def _largest(question: Question, meter: CostMeter) -> float:
    model = question.model
    with meter.phase("largest loss", "proof", largest_loss_flops(model)):
        return largest_loss(model, question.task.law)


def _layers(build: Build, question: Question, largest: float, meter: CostMeter) -> list[Layer]:
    """The screen at margins that allow LAYERS losses, in geometric steps down to LEAST_LAYER.

    A margin that leaves everything ends the row: larger ones do too.
    """
    outputs, inner, layers = question.model.d_vocab_out, CostMeter(), []
    with meter.phase("screens at several margins", "proof") as phase:
        for loss in np.geomspace(largest, LEAST_LAYER, LAYERS + 1)[1:]:
            margin = margin_for(float(loss), outputs)
            allowed = loss_at(margin, outputs)
            if allowed >= (layers[-1].loss if layers else largest):
                continue
            residue = build(_at(question, margin)).enumerate(question.model, inner)
            share = residue.size / question.task.mass
            layers.append(Layer(margin, allowed, share, listed_by(residue, question.budget)))
            if share == 1:
                break
        phase.flops = inner.total().flops
    return layers


def _at(question: Question, margin: float) -> Question:
    return replace(question, claim=Claim("margin", margin))


def _most_promising(layers: Sequence[Layer], question: Question, largest: float) -> Layer | None:
    """The layer with the least bound were every sampled loss 0; None to sample all inputs."""
    budget = question.budget
    risk = -math.log(question.delta) * largest / budget if budget else math.inf
    scores: list[tuple[float, Layer | None]] = [(risk, None)]
    for layer in layers:
        share = float(layer.share)
        rest = 0.0 if layer.listed else share * risk
        scores.append(((1 - share) * layer.loss + rest, layer if layer.share < 1 else None))
    return min(scores, key=lambda score: score[0])[1]


def _after_screen(
    build: Build, layer: Layer, question: Question, largest: float, meter: CostMeter
) -> Outcome:
    """The mean loss over the tickets that a layer leaves; a blank one has what the layer allows."""
    model = question.model
    inner = CostMeter()
    with meter.phase("the screen at the margin chosen", "proof") as phase:
        residue = build(_at(question, layer.margin)).enumerate(model, inner)
        phase.flops = inner.total().flops
    measure = ForwardLoss.of(model, question.task)
    if not layer.listed:
        source = TicketDraws(residue, question.stream.fold_in("residue"))
        values, run = _measured(source, question.budget, measure, layer.loss, meter)
        return _sampled(question, values, run, largest)
    source, number = EveryTicket(residue, question.stream.fold_in("residue")), residue.tickets
    values, run = _measured(source, number, measure, layer.loss, meter)
    mean = mean_of_all(capped(values, largest), largest)
    level = loss_level("enumerated", mean, largest, number)
    sampled = Sampled(number, run, 0, replace=False, mean_loss=mean)
    return of_losses(LossBound(mean, mean, largest), (level,), sampled=sampled)


def _from_inputs(question: Question, measure: Measure, largest: float, meter: CostMeter) -> Outcome:
    source = Inputs(question.task, question.stream.fold_in("inputs"))
    values, run = _measured(source, question.budget, measure, 0.0, meter)
    return _sampled(question, values, run, largest)


def _measured(
    source: Source, number: int, measure: Measure, blank: float, meter: CostMeter
) -> tuple[Float[np.ndarray, " number"], int]:
    with meter.phase("draws", "sampling") as phase:
        values, run = measured(source, number, measure, blank=blank, label="drawing")
        phase.flops = run * measure.flops + source.flops(number)
    return values, run


def _sampled(
    question: Question, found: Float[np.ndarray, " n"], run: int, largest: float
) -> Outcome:
    """A bound on the mean from losses drawn independently, in [0, largest], `run` of them run."""
    return Losses(found, run, largest, question.delta, "1.14").outcome()


def _levels(screen: Screen, layers: Sequence[Layer]) -> tuple[Level, ...]:
    return tuple(
        Level.enumerated(
            f"{screen.name} at margin {lower(layer.margin, 6)}", ratio_up(layer.share, 1)
        )
        for layer in layers
    )
