"""The tables of a report, as text: both pages show the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from probbound.cli.output import at_most, at_most_or_nothing, chance, operations, seconds
from probbound.cli.report.data import Report, Row, best_by_strategy


@dataclass(frozen=True)
class Block:
    """A heading, a sentence, and a table; the columns in `right` are numbers."""

    title: str
    note: str
    columns: tuple[str, ...]
    lines: list[tuple[str, ...]]
    right: frozenset[str] = frozenset()
    folded: bool = False


_NUMBERS = frozenset(
    {"cells", "failed", "wrong ≤", "δ", "budget", "seed", "forward passes", "cost", "time"}
)


def blocks(report: Report) -> list[Block]:
    """Every table that has a line, in the order shown."""
    made = [best(report), failed(report), missing(report), damaged(report)]
    made += [models(report), versions(report), every(report)]
    return [block for block in made if block.lines]


def best(report: Report) -> Block:
    """The lowest bound of each strategy; failed cells are counted beside it."""
    lines = []
    for found in best_by_strategy(report):
        row = found.row
        shown = ("–",) * 6 if row is None else _measures(row)
        lost = str(found.failed) if found.failed else ""
        lines.append((found.model, found.strategy, str(found.cells), lost, *shown))
    note = (
        "The lowest failure rate that each strategy certified, and what that cell cost. "
        + joint_statement(report)
        + (_FAILED if report.failed else "")
    )
    columns = ("model", "strategy", "cells", "failed", *_MEASURES)
    return Block("Best of each strategy", note, columns, lines, _NUMBERS)


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
    lines = [(*_question(row), row["reason"]) for row in report.failed]
    note = (
        "No certificate was made of these, for the reason given. They count as failed everywhere, "
        "and as no bound anywhere; `--retry-failed` runs them again."
    )
    return Block("Failed cells", note, (*_ASKED, "reason"), lines, _NUMBERS)


def missing(report: Report) -> Block:
    """Every cell that was asked and has no record."""
    lines = [_question(vars(cell)) for cell in report.missing]
    note = "The same sweep command goes on with these."
    return Block("Not run yet", note, _ASKED, lines, _NUMBERS)


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
    lines = list(report.models.items())
    return Block("Models", "Each by the SHA-256 of its weights.", ("model", "SHA-256"), lines)


def versions(report: Report) -> Block:
    """What the numbers were computed with."""
    lines = [
        (name, ", ".join(dict.fromkeys(found[name] for found in report.versions if name in found)))
        for name in dict.fromkeys(name for found in report.versions for name in found)
    ]
    return Block("Versions", "Of what the numbers depend on.", ("software", "version"), lines)


def every(report: Report) -> Block:
    """Every certificate."""
    good = [row for row in report.rows if row["status"] == "certified"]
    lines = [
        (*_question(row), *_measures(row)[:1], *_measures(row)[2:], row["key"]) for row in good
    ]
    columns = (*_ASKED, *_MEASURES[:1], *_MEASURES[2:], "cell")
    note = "The certificate of each is in `cells/`, in the file named after its cell."
    return Block("All certificates", note, columns, lines, _NUMBERS, folded=True)


_FAILED = (
    " Cells in the column `failed` gave no certificate, for the reasons listed below: they are no "
    "bound, good or bad."
)
_ASKED = ("model", "strategy", "budget", "δ", "paths", "seed")
_MEASURES = ("wrong ≤", "δ", "guarantee", "forward passes", "cost", "time")


def _question(row: Row) -> tuple[str, ...]:
    budget = "" if row["budget"] is None else f"{row['budget']:,}"
    delta = "" if row["delta"] is None else chance(row["delta"])
    seed = "" if row["seed"] is None else str(row["seed"])
    return (row["model"], row["strategy"], budget, delta, row["paths"] or "", seed)


def _measures(row: Row) -> tuple[str, ...]:
    return (
        at_most_or_nothing(row["failure_upper"]),
        chance(row["delta_spent"]),
        row["guarantee"],
        f"{row['samples']:,}" if row["samples"] else "",
        operations(row["flops"]),
        seconds(row["seconds"]),
    )
