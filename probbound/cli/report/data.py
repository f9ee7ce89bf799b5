"""What a report shows: the rows of a store, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from probbound import __version__
from probbound.cli.facets import Facet, facets_of, told_apart
from probbound.figures.charts import FAMILIES, Style, family_of, pareto, styles
from probbound.sweeps.store import Asked, Contents
from probbound.sweeps.table import Summary, asked_of, table_of, versions_of

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """Everything in a store, by row; two models of one name are shown with their digests.

    `missing` are cells that were asked and have no record; some of these are `damaged`, which says
    by key what is wrong with a file that is left out.
    """

    table: pa.Table
    rows: list[Row]
    summary: Summary
    missing: list[Row]
    damaged: Mapping[str, str]
    asked: tuple[Asked, ...]
    versions: list[dict[str, str]]
    made_by: str = __version__

    @classmethod
    def of(cls, contents: Contents) -> Report:
        """All that a store holds."""
        records = contents.records.values()
        table = table_of(records)
        wanted = dict.fromkeys(cell for grid in contents.asked for cell in grid.cells)
        rows = table.to_pylist()
        missing = [asked_of(cell) for cell in wanted if cell.key not in contents.records]
        shown = told_apart((row["model"], row["model_sha256"]) for row in (*rows, *missing))
        for row in (*rows, *missing):
            row["model"] = shown[row["model"], row["model_sha256"]]
        found = {json.dumps(versions_of(record), sort_keys=True) for record in records}
        return cls(
            table,
            rows,
            Summary.of(table),
            missing,
            contents.damaged,
            contents.asked,
            [json.loads(text) for text in sorted(found - {"{}"})],
        )

    @property
    def models(self) -> dict[str, str]:
        """SHA-256 by name; that of the cells without a network is empty."""
        return {row["model"]: row["model_sha256"] for row in self.rows}

    @property
    def networks(self) -> dict[str, str]:
        """SHA-256 by name, of networks alone."""
        return {name: sha256 for name, sha256 in self.models.items() if name}

    @property
    def facets(self) -> list[Facet]:
        """What the cells are about: no table and no figure holds those of two facets."""
        return facets_of([*self.rows, *self.missing])

    @property
    def strategies(self) -> list[str]:
        """Every strategy, kind by kind."""
        kinds = list(FAMILIES)
        names = {row["strategy"] for row in self.rows}
        return sorted(names, key=lambda name: (kinds.index(family_of(name)), name))

    @property
    def styles(self) -> dict[str, Style]:
        """Colour and marker of every strategy, the same in every figure."""
        return styles(self.strategies)

    @property
    def failed(self) -> list[Row]:
        """The rows without a certificate."""
        return [row for row in self.rows if row["status"] == "failed"]

    def certified(self, model: str, facet: Facet | None = None) -> list[Row]:
        """The rows of a model, and of a facet, that have a certificate."""
        return [
            row
            for row in self.rows
            if row["model"] == model
            and row["status"] == "certified"
            and (facet is None or facet.holds(row))
        ]


@dataclass(frozen=True)
class Best:
    """The cells of one model and strategy, and the cheapest of those with the lowest bound."""

    model: str
    strategy: str
    cells: int
    failed: int
    row: Row | None


def best_by_strategy(report: Report, facet: Facet) -> list[Best]:
    """One line for each model and strategy of a facet, the lowest bound first, failures last."""
    found, bound, cost = [], facet.measure.column, facet.measure.terms.cost
    for model in report.models:
        lines = []
        for strategy in report.strategies:
            mine = [r for r in report.rows if (r["model"], r["strategy"]) == (model, strategy)]
            own = [row for row in mine if facet.holds(row)]
            good = [row for row in own if row["status"] == "certified"]
            best = min(good, key=lambda row: (row[bound], row[cost]), default=None)
            if own:
                lines.append(Best(model, strategy, len(own), len(own) - len(good), best))
        found += sorted(lines, key=lambda b: (b.row is None, b.row[bound] if b.row else 0.0))
    return found


def weighted_frontier(rows: list[Row], cost: str = "flops") -> list[Row]:
    """The rows that no other beats in cost and in the confidence-weighted bound, by cost."""
    kept = pareto((float(row[cost]), row["weighted_upper"]) for row in rows)
    places = {(float(row[cost]), row["weighted_upper"]): row for row in reversed(rows)}
    return [places[place] for place in kept]
