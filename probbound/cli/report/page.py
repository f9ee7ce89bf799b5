"""The report as one HTML file that needs no network."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from probbound.cli.facets import Facet
from probbound.cli.output import at_most, chance
from probbound.cli.report.data import Report, Row
from probbound.cli.report.tables import Block, blocks

_DRAWN = (
    *("key", "model", "strategy", "budget", "delta", "paths", "seed", "guarantee", "delta_spent"),
    *("chosen", "draws", "samples", "failures", "proof_flops", "sampling_flops", "flops"),
    *("looks", "seconds"),
)


def page(report: Report, title: str) -> str:
    """The page, with its style, script and data inside."""
    parts = files("probbound.cli.report")
    return Template((parts / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(title),
        style=(parts / "page.css").read_text(encoding="utf-8").rstrip(),
        script="\n".join(
            (parts / name).read_text(encoding="utf-8").rstrip() for name in ("ticks.js", "page.js")
        ),
        tiles=_tiles(report),
        notice=_notice(report),
        sections="\n".join([*map(_section, blocks(report)), _configurations(report)]),
        data=_data(report),
    )


def _tiles(report: Report) -> str:
    counts = report.summary
    tiles = [("cells", str(counts.cells), ""), ("certified", str(counts.certified), "")]
    tiles.append(("failed", str(counts.failed), "bad" if counts.failed else ""))
    if report.missing:
        tiles.append(("not run yet", str(len(report.missing)), "bad"))
    own = {row["claim_sha256"] for row in report.rows} - {None}
    for name, number in (("models", len(report.networks)), ("own claims", len(own))):
        tiles += [(name, str(number), "")] if number else []
    tiles.append(("joint δ", at_most(counts.joint_delta), ""))
    inner = "".join(
        f'<div><dt>{name}</dt><dd class="{kind}">{value}</dd></div>' for name, value, kind in tiles
    )
    return f'<dl class="tiles">{inner}</dl>'


def _notice(report: Report) -> str:
    if not report.failed:
        return ""
    return (
        f'<p class="bad">{len(report.failed)} of {report.summary.cells} cells failed: they have no '
        'mark in the figure; <a class="bad" href="#failed-cells">why</a>.</p>'
    )


def _section(block: Block) -> str:
    kinds = ["n" if column in block.right else "" for column in block.columns]
    head = "".join(
        f'<th class="{kind}">{escape(column)}</th>'
        for column, kind in zip(block.columns, kinds, strict=True)
    )
    body = "".join(f"<tr>{_cells(block, line, kinds)}</tr>\n" for line in block.lines)
    table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"
    table = f'<div class="scroll">{table}</div>'
    note = re.sub("`(.*?)`", r"<code>\1</code>", escape(block.note))
    if block.folded:
        table = f"<details><summary>{len(block.lines)} lines</summary>{table}</details>"
    anchor = block.title.lower().replace(" ", "-")
    return f'<h2 id="{anchor}">{escape(block.title)}</h2>\n<p class="quiet">{note}</p>\n{table}'


def _cells(block: Block, line: tuple[str, ...], kinds: list[str]) -> str:
    made = []
    for column, kind, value in zip(block.columns, kinds, line, strict=True):
        shown = escape(value)
        if column.startswith("SHA-256") or column == "cell":
            shown = f'<code class="hash">{shown}</code>'
        extra = " bad" if column == "failed" and value else " wide" if column == "reason" else ""
        made.append(f'<td class="{kind}{extra}">{shown}</td>')
    return "".join(made)


def _configurations(report: Report) -> str:
    grids = "\n".join(escape(grid.config.to_toml()) for grid in report.asked)
    return (
        '<h2>Configuration</h2>\n<p class="quiet">What was asked of this store, for '
        f"<code>probbound sweep --config</code>; made by probbound {report.made_by}.</p>\n"
        f"<pre>{grids}</pre>"
    )


def _drawn(row: Row, number: int, facet: Facet) -> dict[str, Any]:
    """A certificate as the page draws it: places, and bounds in words rounded to the safe side."""
    measure = facet.measure
    return {
        **{name: row[name] for name in _DRAWN},
        "facet": number,
        "claimed": row[measure.column],
        "weighted": row["weighted_upper"],
        "guess": measure.guess(row),
        "said": measure.statement(row),
        "facts": [*measure.facts(row), ("confidence-weighted", measure.weighted(row))],
        "spent": chance(row["delta_spent"]),
        "paid": measure.terms.paid(row),
    }


def _across(facet: Facet) -> dict[str, str]:
    """What bounds may be drawn against: columns of the table, and names of axes."""
    terms = facet.measure.terms
    return {terms.cost: terms.axis, "seconds": "seconds", **terms.across, "delta_spent": "δ spent"}


def _data(report: Report) -> str:
    """JSON that cannot end the script element it stands in."""
    rows = [
        _drawn(row, number, facet)
        for model in report.models
        for number, facet in enumerate(report.facets)
        for row in report.certified(model, facet)
    ]
    data = {
        "rows": rows,
        "styles": {name: asdict(style) for name, style in report.styles.items()},
        "facets": [
            {
                "title": facet.title,
                "axis": f"{facet.measure.name} ({facet.measure.unit})",
                "across": _across(facet),
            }
            for facet in report.facets
        ],
    }
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")
