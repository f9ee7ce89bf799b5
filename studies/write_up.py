"""A study from its configuration to its files: rows as CSV, figure as PNG and SVG, text."""

from __future__ import annotations

import csv
import io
import os
import platform
import shutil
import time
from pathlib import Path
from typing import Any

from probbound import __version__
from probbound.figures.charts import house_style, save
from probbound.machine.errors import UserError
from probbound.machine.files import write_atomically
from probbound.sweeps.config import read_toml
from studies.study import Row, Study, study_named

CONFIGURATIONS = Path(__file__).parent
FULL, QUICK = "full.toml", "quick.toml"


def run_study(name: str, configuration: Path, out: Path, work: Path) -> float:
    """Measure a study and write `out`/NAME.csv, .png, .svg and .md; the seconds that it took.

    What the measurement keeps in `work`/NAME in case it is interrupted is removed at the end.

    Raises:
        UserError: if there is no such study, its configuration is wrong, or nothing can be written.
    """
    study = study_named(name)
    tables = read_toml(configuration)
    if name not in tables:
        raise UserError(f"{configuration} has no table [{name}]")
    grid = study.grid_from(tables[name], f"[{name}] in {configuration}")
    kept = work / name
    try:
        out.mkdir(parents=True, exist_ok=True)
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {error.filename}: {error.strerror}") from error
    started, spent = time.perf_counter(), _processor_time()
    rows = study.measure(grid, kept)
    took, spent = time.perf_counter() - started, _processor_time() - spent
    write_atomically(out / f"{name}.csv", as_csv(rows).encode())
    with house_style():
        save(study.draw(rows), out / name)
    write_atomically(
        out / f"{name}.md", _page(name, study, rows, configuration, (spent, took)).encode()
    )
    shutil.rmtree(kept)
    return took


def as_csv(rows: list[Row]) -> str:
    """One line per row, numbers at full precision; what is None is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _processor_time() -> float:
    """Seconds that cores were at work for this process and for those it started and has ended.

    Other work on the machine draws out the time by the clock, and not this.
    """
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _page(
    name: str, study: Study, rows: list[Row], configuration: Path, took: tuple[float, float]
) -> str:
    title = name.replace("_", " ").capitalize()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    made = (
        f"{len(rows)} rows in [{name}.csv]({name}.csv), figure as [SVG]({name}.svg); measured in "
        f"{took[0]:.0f} s of processor time, {took[1]:.0f} s by the clock on {cores} cores "
        f"({platform.machine()}), by probbound {__version__} from the table `[{name}]` of "
        f"`{configuration.name}`."
    )
    parts = [f"# {title}", study.question, study.found(rows), f"![{title}]({name}.png)", made]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def markdown_table(columns: list[str], lines: list[list[Any]]) -> str:
    """A table of Markdown; numbers with three significant digits."""
    shown = [[f"{x:.3g}" if isinstance(x, float) else str(x) for x in line] for line in lines]
    rule = ["---"] * len(columns)
    return "\n".join("| " + " | ".join(line) + " |" for line in [columns, rule, *shown])
