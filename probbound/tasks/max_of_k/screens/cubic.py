"""The additive screen: cubic in d_vocab, linear in n_ctx (Theorems 1.2 and 1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from probbound.contract.cost import CostMeter
from probbound.contract.ledger import NOTHING_SPENT, Ledger
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.models.attention_only.additive import (
    Circuits,
    additive_tables,
    label_term_flops,
    table_flops,
)
from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.recipes import DEFAULT_GRID_POINTS, LISTING_LIMIT
from probbound.tasks.max_of_k.screens.grid import (
    GridResidue,
    count_on_grid,
    grid_draw_flops,
    grid_flops,
)
from probbound.tasks.max_of_k.screens.listing import (
    ListedResidue,
    list_residue,
    listing_draw_flops,
    listing_flops,
)
from probbound.tasks.max_of_k.screens.screen import Price
from probbound.tasks.max_of_k.screens.sequences import AdditiveCheck, SequenceTables


@dataclass(frozen=True)
class CubicScreen:
    """The wrong token is maximised per token, then the failing sums are counted.

    Counting is exact, by listing, up to LISTING_LIMIT sequences, unless `grid_points` is given;
    past that it is on a grid of `grid_points` steps (DEFAULT_GRID_POINTS if None). What is
    certified exceeds `margin` (Theorem 1.8); sequences count with their mass under `law`, uniform
    by default (1.11).

    Raises:
        UserError: if grid_points < 1.
    """

    grid_points: int | None = None
    margin: float = 0.0
    law: Prior | None = None

    def __post_init__(self) -> None:
        if self.grid_points is not None and self.grid_points < 1:
            raise UserError(f"grid points must be at least 1, got {self.grid_points}")

    @property
    def name(self) -> str:
        """The name it goes by."""
        return "cubic"

    @property
    def ledger(self) -> Ledger:
        """Nothing is spent: it is deterministic."""
        return NOTHING_SPENT

    def enumerate(
        self, model: Transformer, meter: CostMeter, products: Circuits | None = None
    ) -> ListedResidue | GridResidue:
        """Certify what can be; count the rest. `products` saves multiplying circuits out again."""
        with meter.phase("tables", "proof", table_flops(model, known=products is not None)):
            tables = additive_tables(model, self.margin, products)
        law = self.law or Prior.uniform(model.d_vocab)
        if self._lists(model):
            with meter.phase("counting by listing", "proof", self._counting_flops(model)):
                return list_residue(tables, law)
        with meter.phase("counting on a grid", "proof", self._counting_flops(model)):
            return count_on_grid(tables, self.grid_points or DEFAULT_GRID_POINTS, law)

    def flops(self, model: Transformer, *, known: bool = False) -> int:
        """Operations of `enumerate`, with or without the products of the circuits."""
        return table_flops(model, known=known) + self._counting_flops(model)

    def price(self, model: Transformer) -> Price:
        """Of counting, and of draws."""
        shared = float(self.flops(model, known=True))
        return Price(float(self.flops(model)), shared, partial(self.draw_flops, model))

    def of_one(self, tables: SequenceTables) -> AdditiveCheck:
        """The additive screen of one sequence."""
        return AdditiveCheck(tables)

    def draw_flops(self, model: Transformer, draws: int) -> int:
        """Operations of drawing from the residue of `enumerate`."""
        if self._lists(model):
            return listing_draw_flops(model)
        return grid_draw_flops(model, self.grid_points or DEFAULT_GRID_POINTS, draws)

    def _lists(self, model: Transformer) -> bool:
        return self.grid_points is None and model.d_vocab**model.n_ctx <= LISTING_LIMIT

    def _counting_flops(self, model: Transformer) -> int:
        if self._lists(model):
            return label_term_flops(model) + listing_flops(model)
        points = self.grid_points or DEFAULT_GRID_POINTS
        return label_term_flops(model) + grid_flops(model, points)
