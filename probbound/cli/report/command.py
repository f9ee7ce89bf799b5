"""`probbound report`: a sweep as a page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from probbound.cli.loading import loading
from probbound.cli.output import as_json_option, print_json, stdout, warn
from probbound.machine.errors import UserError
from probbound.machine.files import write_atomically

if TYPE_CHECKING:
    from probbound.cli.report.data import Report


@click.command()
@click.argument("directory", type=Path)
@as_json_option
def report(directory: Path, as_json: bool) -> None:
    """Make report.html, report.md, the figures and results.parquet from the cells of DIRECTORY."""
    with loading():
        from probbound.cli.report.data import Report
        from probbound.sweeps.store import SweepStore

    contents = SweepStore.open(directory).contents()
    warn(contents.warnings)
    found = Report.of(contents)
    if not found.rows:
        raise UserError(f"the sweep in {directory} has no whole cell yet; run it first")
    written = write_report(found, directory)
    if as_json:
        counts = found.summary
        print_json(
            {
                "files": [str(path) for path in written],
                "cells": counts.cells,
                "certified": counts.certified,
                "failed": counts.failed,
                "missing": len(found.missing),
                "damaged": len(found.damaged),
                "skipped": len(contents.strays),
                "joint_delta": counts.joint_delta,
            }
        )
        return
    for path in written:
        stdout.print(str(path), markup=False, soft_wrap=True)


def write_report(found: Report, directory: Path) -> list[Path]:
    """Write every file of the report, each in one piece or not at all.

    Raises:
        UserError: if one cannot be written.
    """
    with loading():
        from probbound.cli.report.markdown import markdown
        from probbound.cli.report.page import page
        from probbound.cli.report.plots import frontiers
        from probbound.sweeps.table import write_results

    title, figures = directory.resolve().name, directory / "figures"
    try:
        figures.mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {figures}: {error.strerror or error}") from error
    table = write_results(found.table, directory)
    drawn = frontiers(found, figures)
    texts = {
        directory / "report.html": page(found, title),
        directory / "report.md": markdown(found, title, drawn, directory),
    }
    for path, text in texts.items():
        write_atomically(path, text.encode())
    return [*texts, table, *(path for figure in drawn for path in (figure.png, figure.svg))]
