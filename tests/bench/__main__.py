"""`make bench`: each module beside this one that has `rows` is run and shown as a table."""

from __future__ import annotations

import argparse
import importlib
import pkgutil

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

import tests.bench

WIDTH = 160


def main() -> None:
    """Print one table per module, or only that of `--only NAME`."""
    names = [m.name for m in pkgutil.iter_modules(tests.bench.__path__) if m.name != "__main__"]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=names, help="run this module alone")
    only = parser.parse_args().only
    for name in [only] if only else names:
        module = importlib.import_module(f"tests.bench.{name}")
        if hasattr(module, "rows"):
            _show(name, module.rows())
        elif only:
            parser.error(f"{name} has no rows: run it by python -m tests.bench.{name}")


def _show(name: str, rows: list[dict]) -> None:
    table = Table(box=SIMPLE_HEAD, title=name, title_justify="left")
    for column in rows[0]:
        table.add_column(column, justify="left" if column == "name" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()))
    Console(width=WIDTH).print(table)


main()
