"""What a memo holds of max-of-K, by key: a function of the weights, whoever asks for it."""

from __future__ import annotations

from dataclasses import dataclass

from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.contract.memo import Key
from probbound.contract.residue import Residue
from probbound.models.attention_only.additive import Circuits, circuits
from probbound.models.attention_only.forward_error import logit_slack
from probbound.models.attention_only.transformer import in_float64
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.screen import Screen
from probbound.tasks.max_of_k.screens.sequences import (
    CopyingCheck,
    SequenceTables,
    TableForwardCheck,
    copying_table_flops,
    sequence_table_flops,
)
from probbound.tasks.max_of_k.structured.parts import Parts, parts_of
from probbound.tasks.max_of_k.task import MaxOfK


@dataclass(frozen=True)
class Tables:
    """The products of the circuits, and the forward pass looked up in tables of them."""

    products: Circuits
    exact: TableForwardCheck


@dataclass(frozen=True)
class Checks:
    """The copying check, and the forward pass from the same tables."""

    cheap: CopyingCheck
    exact: TableForwardCheck


@dataclass(frozen=True)
class _TablesAt(Key[Tables]):
    margin: float


@dataclass(frozen=True)
class _ChecksAt(Key[Checks]):
    margin: float


@dataclass(frozen=True)
class _PartsOf(Key[Parts]):
    pass


@dataclass(frozen=True)
class _LeftBy(Key[Residue]):
    screen: str
    task: MaxOfK
    claim: Claim
    grid_points: int | None


def tables(question: Question, meter: CostMeter) -> Tables:
    """The products of the circuits and the tables of sequences."""
    model, margin = question.model, question.claim.margin

    def build(meter: CostMeter) -> Tables:
        with meter.phase("tables", "proof", sequence_table_flops(model)):
            products = circuits(in_float64(model))
            slack = logit_slack(model, margin)
            made = SequenceTables.from_circuits(products, slack, margin)
            return Tables(products, TableForwardCheck(made))

    return question.memo.get(_TablesAt(margin), build, meter)


def checks(question: Question, meter: CostMeter, *, cubic: bool) -> Checks:
    """The checks, with the tables that they need; those that are there already are kept."""
    model, margin = question.model, question.claim.margin

    def build(meter: CostMeter) -> Checks:
        exact = tables(question, meter).exact
        copying = CopyingCheck.cubic if cubic else CopyingCheck.quadratic
        with meter.phase("copying check", "proof", copying_table_flops(model, cubic=cubic)):
            return Checks(copying(exact.tables), exact)

    return question.memo.get(_ChecksAt(margin), build, meter)


def split(question: Question, meter: CostMeter) -> Parts:
    """Structure and noise of three paths, for `entries`.

    Raises:
        UserError: if the model has several heads.
    """
    model = question.model
    return question.memo.get(_PartsOf(), lambda meter: parts_of(model, meter), meter)


def certain_residue(screen: Screen, question: Question, meter: CostMeter) -> Residue:
    """What a deterministic screen leaves.

    Raises:
        ValueError: if the screen spends δ; its coins certify, so a plan must not see them.
    """
    if screen.ledger.spends:
        raise ValueError(f"{screen.name} rests on randomness and cannot be prepared")
    key = _LeftBy(screen.name, question.task, question.claim, question.grid_points)
    return question.memo.get(key, lambda meter: _enumerated(screen, question, meter), meter)


def residue(screen: Screen, question: Question, meter: CostMeter) -> Residue:
    """What a screen leaves; of one that spends δ with its own coins, which nobody keeps."""
    found = _enumerated if screen.ledger.spends else certain_residue
    return found(screen, question, meter)


def _enumerated(screen: Screen, question: Question, meter: CostMeter) -> Residue:
    """The products help, if they are there."""
    made = question.memo.find(_TablesAt(question.claim.margin))
    return screen.enumerate(question.model, meter, made.products if made else None)
