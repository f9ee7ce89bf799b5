"""What of a run depends on the weights alone, worked out and paid for once (Theorem 4.25)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from probbound.contract.cost import CostMeter
from probbound.contract.residue import Residue
from probbound.models.attention_only.additive import Circuits, circuits
from probbound.models.attention_only.forward_error import logit_slack
from probbound.models.attention_only.transformer import Transformer, in_float64
from probbound.tasks.max_of_k.screens.screen import Screen
from probbound.tasks.max_of_k.screens.sequences import (
    CopyingCheck,
    SequenceTables,
    TableForwardCheck,
    copying_table_flops,
    sequence_table_flops,
)
from probbound.tasks.max_of_k.structured.parts import Parts, parts_of


@dataclass(frozen=True)
class Prepared:
    """Tables, checks and residues of one model and claim, without randomness.

    Whoever adds to it books the operations; whoever finds something here books nothing.
    """

    products: Circuits | None = None
    tables: SequenceTables | None = None
    check: CopyingCheck | None = None
    residues: Mapping[str, Residue] = field(default_factory=dict)
    parts: Parts | None = None

    def with_tables(self, model: Transformer, meter: CostMeter, margin: float = 0.0) -> Prepared:
        """The products of the circuits and the tables of sequences."""
        if self.tables is not None:
            return self
        with meter.phase("tables", "proof", sequence_table_flops(model)):
            products = circuits(in_float64(model))
            slack = logit_slack(model, margin)
            tables = SequenceTables.from_circuits(products, slack, margin)
            return replace(self, products=products, tables=tables)

    def with_check(
        self, model: Transformer, meter: CostMeter, *, cubic: bool, margin: float = 0.0
    ) -> Prepared:
        """The copying check, with the tables that it needs; one that is there already is kept."""
        if self.check is not None:
            return self
        made = self.with_tables(model, meter, margin)
        build = CopyingCheck.cubic if cubic else CopyingCheck.quadratic
        with meter.phase("copying check", "proof", copying_table_flops(model, cubic=cubic)):
            return replace(made, check=build(made.exact.tables))

    def with_parts(self, model: Transformer, meter: CostMeter) -> Prepared:
        """Structure and noise of three paths, for `entries`."""
        return self if self.parts else replace(self, parts=parts_of(model, meter))

    def with_residue(self, screen: Screen, model: Transformer, meter: CostMeter) -> Prepared:
        """What a deterministic screen leaves.

        Raises:
            ValueError: if the screen spends δ; its coins certify, so a plan must not see them.
        """
        if screen.ledger.spends:
            raise ValueError(f"{screen.name} rests on randomness and cannot be prepared")
        if screen.name in self.residues:
            return self
        residue = self.residue(screen, model, meter)
        return replace(self, residues={**self.residues, screen.name: residue})

    def residue(self, screen: Screen, model: Transformer, meter: CostMeter) -> Residue:
        """What a screen leaves, from here if it is here; from the products if they help."""
        if screen.name in self.residues:
            return self.residues[screen.name]
        return screen.enumerate(model, meter, self.products)

    @property
    def split(self) -> Parts:
        """Structure and noise of three paths.

        Raises:
            LookupError: if the model has not been split.
        """
        if self.parts is None:
            raise LookupError("the model has not been split")
        return self.parts

    @property
    def cheap(self) -> CopyingCheck:
        """The copying check.

        Raises:
            LookupError: if it has not been prepared.
        """
        if self.check is None:
            raise LookupError("the copying check has not been prepared")
        return self.check

    @property
    def exact(self) -> TableForwardCheck:
        """The forward pass from tables.

        Raises:
            LookupError: if they have not been prepared.
        """
        if self.tables is None:
            raise LookupError("the tables have not been prepared")
        return TableForwardCheck(self.tables)


NOTHING_PREPARED = Prepared()
