"""The tables of a report, as text: both pages show the same ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from probbound.cli.facets import Facet
from probbound.cli.output import at_most, chance, exactly, seconds
from probbound.cli.report.data import Report, Row, best_by_strategy, weighted_frontier
from probbound.sweeps.config import UNIFORM


@dataclass(frozen=True)
class Block:
    """A heading, a sentence, and a table; the columns in `right` are numbers."""

    title: str
    note: str
    columns: tuple[str, ...]
    lines: list[tuple[str, ...]]
    right: frozenset[str] = frozenset()
    folded: bool = False


_OF_NETWORKS = ("model", "paths", "prior")
_TEXTS = frozenset(
    {"model", "claim", "prior", "inputs", "strategy", "paths", "guarantee", "reason", "cell"}
    | {"data", "against", "arithmetic"}
)


def blocks(report: Report) -> list[Block]:
    """Every table that has a line, in the order shown."""
    made = [block(report, facet) for facet in report.facets for block in (best, frontier)]
    made += [failed(report), missing(report), damaged(report)]
    made += [models(report), priors(report), inputs(report), own_claims(report), versions(report)]
    made += [every(report, facet) for facet in report.facets]
    return [_without_network(block) for block in made if block.lines]


def _without_network(block: Block) -> Block:
    """Where no line is about a network, without the columns that own claims have no use for."""
    if "model" not in block.columns or any(
        line[block.columns.index("model")] for line in block.lines
    ):
        return block
    kept = [i for i, column in enumerate(block.columns) if column not in _OF_NETWORKS]
    columns = tuple(block.columns[i] for i in kept)
    return replace(
        block, columns=columns, lines=[tuple(line[i] for i in kept) for line in block.lines]
    )


def titled(title: str, report: Report, facet: Facet) -> str:
    """A title, and which facet it is of where there are several."""
    return title if len(report.facets) == 1 and not facet.slug else f"{title}: {facet.title}"


def right_of(columns: tuple[str, ...]) -> frozenset[str]:
    """The columns that hold numbers."""
    return frozenset(columns) - _TEXTS


def best(report: Report, facet: Facet) -> Block:
    """The lowest bound of each strategy; failed cells are counted beside it."""
    lines, columns = [], _measured(facet)
    for found in best_by_strategy(report, facet):
        row = found.row
        shown = ("–",) * len(columns) if row is None else _measures(facet, row)
        lost = str(found.failed) if found.failed else ""
        lines.append((found.model, found.strategy, str(found.cells), lost, *shown))
    note = (
        f"The lowest bound on the {facet.measure.name} that each strategy certified, and what that "
        f"cell cost. {joint_statement(report)}{_FAILED if report.failed else ''}"
    )
    columns = ("model", "strategy", "cells", "failed", *columns)
    title = titled("Best of each strategy", report, facet)
    return Block(title, note, columns, lines, right_of(columns))


def frontier(report: Report, facet: Facet) -> Block:
    """The cells that no other beats in cost and on the axis that all guarantees share."""
    lines, columns = [], ("model", "strategy", "budget", "δ asked", *_measured(facet))
    for model in report.models:
        rows = report.certified(model, facet)
        spent = any(row["delta_spent"] for row in rows)
        chosen = weighted_frontier(rows, facet.measure.terms.cost) if spent else []
        for row in chosen:
            _, strategy, budget, delta, *_ = _question(row)
            lines.append((model, strategy, budget, delta, *_measures(facet, row)))
    title = titled("Frontier of the confidence-weighted bound", report, facet)
    note = _WEIGHTED.format(facet.measure.terms.certain)
    return Block(title, note, columns, lines, right_of(columns))


def joint_statement(report: Report) -> str:
    """What a reader who compares cells and picks one must know."""
    joint = report.summary.joint_delta
    if joint == 0:
        return "All certificates are deterministic."
    return (
        f"All certificates hold at once except with probability at most {at_most(joint)} (the sum "
        "of every δ spent): so does one that was picked after a look at all, where its own δ alone "
        "holds for a cell that was named beforehand."
    )


def failed(report: Report) -> Block:
    """Every cell without a certificate, and why."""
    columns = (*_ASKED, *_about(report), "reason")
    lines = [(*_question(row), *_about(report, row), row["reason"]) for row in report.failed]
    note = (
        "No certificate was made of these, for the reason given. They count as failed everywhere, "
        "and as no bound anywhere; `--retry-failed` runs them again."
    )
    return Block("Failed cells", note, columns, lines, right_of(columns))


def missing(report: Report) -> Block:
    """Every cell that was asked and has no record."""
    lines = [(*_question(row), *_about(report, row)) for row in report.missing]
    note, columns = "The same sweep command goes on with these.", (*_ASKED, *_about(report))
    return Block("Not run yet", note, columns, lines, right_of(columns))


def damaged(report: Report) -> Block:
    """Every file of a cell that was left out, and why."""
    lines = [(key, reason) for key, reason in report.damaged.items()]
    note = (
        "Files in `cells/` that are not what a sweep wrote. They are in no figure and in no other "
        "table; the sweep that asked for them runs them again."
    )
    return Block("Altered or damaged cells", note, ("cell", "reason"), lines)


def models(report: Report) -> Block:
    """The models by digest."""
    lines = list(report.networks.items())
    return Block("Models", "Each by the SHA-256 of its weights.", ("model", "SHA-256"), lines)


def priors(report: Report) -> Block:
    """The priors by digest."""
    named = dict.fromkeys((row["prior"], row["prior_sha256"]) for row in report.rows)
    lines = [(name, sha256) for name, sha256 in named if sha256 is not None]
    note = "Each by the SHA-256 of its integer weights, in decimal and separated by commas."
    return Block("Priors", note, ("prior", "SHA-256"), lines)


def inputs(report: Report) -> Block:
    """What was brought, by digest."""
    names = ("data", "against", "arithmetic", "inputs_sha256")
    named = dict.fromkeys(tuple(row[name] or "" for name in names) for row in report.rows)
    note = (
        "Each by the SHA-256 of what a claim states of it: the inputs and the other network by "
        "their digests, and the arithmetic."
    )
    lines = [line for line in named if line[-1]]
    return Block("Inputs that were brought", note, (*names[:-1], "SHA-256"), lines)


def own_claims(report: Report) -> Block:
    """The own claims by digest."""
    own = [row for row in report.rows if row["claim_sha256"] is not None]
    names = ("claim", "file_sha256", "claim_sha256")
    lines = list(dict.fromkeys(tuple(row[name] for name in names) for row in own))
    note = (
        "Each an object of a Python file, by the SHA-256 of the file, and by that of the claim "
        "with it. What a function reads elsewhere is in neither."
    )
    columns = ("claim", "SHA-256 of the file", "SHA-256 of the claim")
    return Block("Own claims", note, columns, lines)


def versions(report: Report) -> Block:
    """What the numbers were computed with."""
    lines = [
        (name, ", ".join(dict.fromkeys(found[name] for found in report.versions if name in found)))
        for name in dict.fromkeys(name for found in report.versions for name in found)
    ]
    return Block("Versions", "Of what the numbers depend on.", ("software", "version"), lines)


def every(report: Report, facet: Facet) -> Block:
    """Every certificate of a facet."""

    def without_delta(measures: tuple[str, ...]) -> tuple[str, ...]:
        return measures[:1] + measures[2:]

    lines = [
        (*_question(row), *without_delta(_measures(facet, row)), row["key"])
        for model in report.models
        for row in report.certified(model, facet)
    ]
    columns = (*_ASKED, *without_delta(_measured(facet)), "cell")
    note = "The certificate of each is in `cells/`, in the file named after its cell."
    title = titled("All certificates", report, facet)
    return Block(title, note, columns, lines, right_of(columns), folded=True)


_FAILED = (
    " Cells in the column `failed` gave no certificate, for the reasons listed below: they are no "
    "bound, good or bad."
)
_WEIGHTED = (
    "`weighted ≤` is (1 - δ) · bound + δ · {}: who gives the bound a "
    "credence of 1 - δ expects no more (Theorem 1.15). On it deterministic bounds and those of any "
    "δ are compared: every other cell costs no less than one of these and bounds no better. The δ "
    "is that of a cell that was named beforehand."
)
_ASKED = ("model", "strategy", "budget", "δ", "paths", "seed")


def _question(row: Row) -> tuple[str, ...]:
    budget = "" if row["budget"] is None else f"{row['budget']:,}"
    delta = "" if row["delta"] is None else chance(row["delta"])
    seed = "" if row["seed"] is None else str(row["seed"])
    return (row["model"], row["strategy"], budget, delta, row["paths"] or "", seed)


def _about(report: Report, row: Row | None = None) -> tuple[str, ...]:
    """Claim, prior and inputs of a row, or the heads of their columns, where any is no default."""
    if not any(facet.slug for facet in report.facets):
        return ()
    brought = any(facet.brought for facet in report.facets)
    if row is None:
        return ("claim", "prior", *(["inputs"] if brought else []))
    at = "" if row["at"] is None else f" {exactly(row['at'])}"
    about = (row["claim"] + at, "" if row["prior"] == UNIFORM else row["prior"])
    shown = next((facet.brought for facet in report.facets if facet.holds(row)), "")
    return (*about, shown) if brought else about


def _measured(facet: Facet) -> tuple[str, ...]:
    costs = [head for head, _ in facet.measure.terms.columns]
    return (facet.measure.head, "δ", "weighted ≤", "guarantee", *costs, "time")


def _measures(facet: Facet, row: Row) -> tuple[str, ...]:
    measure = facet.measure
    return (
        measure.shown(row, row[measure.column]),
        chance(row["delta_spent"]),
        measure.shown(row, row["weighted_upper"]),
        row["guarantee"],
        *(words(row) for _, words in measure.terms.columns),
        seconds(row["seconds"]),
    )
