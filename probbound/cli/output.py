"""Where output goes: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from probbound.arithmetic.decimals import percent_down, upper

stdout = Console(highlight=False)
stderr = Console(stderr=True)
as_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on stdout."""
    sys.stdout.write(json.dumps(value, allow_nan=False, ensure_ascii=False) + "\n")


def warn(sentences: Iterable[str]) -> None:
    """One line on stderr for each sentence."""
    for sentence in sentences:
        one_line = " ".join(sentence.split())
        stderr.print(f"warning: {one_line}", markup=False, highlight=False, soft_wrap=True)


def table(*columns: str, title: str | None = None, right: tuple[str, ...] = ()) -> Table:
    """An empty table in the house style; the columns in `right` are right-aligned."""
    made = Table(
        box=SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold"
    )
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    return made


def print_whole(made: Table) -> None:
    """A table with all its digits: on a narrow console its lines go on, and nothing is cut."""
    wide = stdout.options.update(width=1000)
    needed = Measurement.get(stdout, wide, made).maximum
    console = stdout if needed <= stdout.width else Console(highlight=False, width=needed)
    console.print(made)


def percent(x: float) -> str:
    """A lower bound on a share, with as many digits as it takes to tell it from 100 %."""
    return "100 %" if x >= 1 else f"{percent_down(x)} %"


def at_most(x: float) -> str:
    """An upper bound with two significant digits, rounded up."""
    return upper(x, 2, "e") if x else "0"


def at_most_or_nothing(x: float) -> str:
    """As `at_most`; where its digits read as all there is, that the bound says nothing."""
    shown = at_most(x)
    return "says nothing" if float(shown) >= 1 else shown


def nats(x: float) -> str:
    """An upper bound on a loss with three significant digits, rounded up."""
    return f"{upper(x)} nats"


def chance(delta: float) -> str:
    """A probability of failure with three significant digits, rounded up."""
    return upper(delta)


def exactly(x: float) -> str:
    """The shortest digits that read back as the same float: what a claim is about."""
    return repr(float(x)).removesuffix(".0")


def seconds(x: float) -> str:
    """A duration with two significant digits."""
    return f"{x:.0f} s" if x >= 10 else f"{x:.2g} s" if x >= 0.1 else f"{1000 * x:.2g} ms"


def operations(x: float | int) -> str:
    """A number of operations with a metric prefix."""
    return metric(x, "FLOP")


def metric(x: float | int, unit: str = "") -> str:
    """A number with three significant digits and a metric prefix."""
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if x >= 0.9995 * limit:
            return f"{x / limit:.3g} {prefix}{unit}"
    return f"{x:.0f} {unit}".rstrip()
