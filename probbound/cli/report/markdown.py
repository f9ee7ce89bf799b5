"""The report as Markdown, with the figures beside it."""

from __future__ import annotations

from pathlib import Path

from probbound.cli.output import at_most
from probbound.cli.report.data import Report
from probbound.cli.report.plots import Drawn
from probbound.cli.report.tables import Block, blocks


def markdown(report: Report, title: str, drawn: list[Drawn], root: Path) -> str:
    """The page; links lead from `root`."""
    counts = report.summary
    summary = (
        f"{counts.cells} cells: {counts.certified} certified, **{counts.failed} failed**"
        + (f", {len(report.missing)} not run yet" if report.missing else "")
        + f". Joint δ: {at_most(counts.joint_delta)}."
    )
    parts = [f"# {_plain(title)}", summary]
    for figure in drawn:
        png, svg = figure.png.relative_to(root), figure.svg.relative_to(root)
        parts.append(f"![{_plain(figure.shows)}]({png})")
        parts.append(f"[as SVG]({svg})")
    parts += [_section(block) for block in blocks(report)]
    grids = "\n".join(grid.config.to_toml() for grid in report.asked)
    parts.append(f"## Configuration\n\nMade by probbound {report.made_by}.\n\n```toml\n{grids}```")
    return "\n\n".join(parts) + "\n"


def _section(block: Block) -> str:
    head = "| " + " | ".join(block.columns) + " |"
    rule = "|" + "|".join("---:" if c in block.right else "---" for c in block.columns) + "|"
    lines = ["| " + " | ".join(map(_plain, line)) + " |" for line in block.lines]
    return f"## {block.title}\n\n{block.note}\n\n" + "\n".join([head, rule, *lines])


def _plain(text: str) -> str:
    """Text that is no markup in a cell of a table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
