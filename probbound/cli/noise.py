"""`probbound noise`: the noise of one path, bounded by every method side by side."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, get_args

import click
from rich.table import Table

from estimators.guarantee import Guarantee
from probbound.certification import DEFAULT_DELTA
from probbound.cli.output import (
    as_json_option,
    metric,
    print_json,
    print_whole,
    seconds,
    stderr,
    stdout,
)
from probbound.cli.output import table as styled
from probbound.errors import UserError
from probbound.files import require_writable
from probbound.models.registry import load
from probbound.noise.contract import MAXIMA, QUANTITIES, NoiseBound, Quantity, Settings
from probbound.noise.registry import method_named, noise_table
from probbound.noise.term import NoiseTerm, TermName, noise_term
from probbound.random_streams import Stream

DEFAULT_ENTRIES = 100_000
MOST_ENTRIES = 1 << 28  # drawn at once; their numbers alone take 2 GiB
LEVEL = 0.99
TERMS = get_args(TermName)


@click.command()
@click.argument("model")
@click.option("--term", type=click.Choice(TERMS), default="qk", help="Path.", show_default=True)
@click.option("--rank", default=1, help="Leading directions taken out.", show_default=True)
@click.option("--head", default=0, help="Which attention head.", show_default=True)
@click.option("--peel", is_flag=True, help="Take the directions out of every factor too.")
@click.option("--budget", default=DEFAULT_ENTRIES, help="Entries sampled.", show_default=True)
@click.option("--delta", default=DEFAULT_DELTA, help="Failure probability of a row of the table.")
@click.option("--threshold", type=float, help="Count entries above this (default: 3 RMS).")
@click.option("--methods", help="Only these, separated by commas.")
@click.option("--exact", is_flag=True, help="Evaluate every entry too, and show the truth.")
@click.option("--plot", type=Path, help="Draw spectrum, entries and bounds into this .png.")
@click.option("--seed", default=0, help="Seed of the samples.", show_default=True)
@as_json_option
def noise(
    model: str,
    term: TermName,
    rank: int,
    head: int,
    peel: bool,
    budget: int,
    delta: float,
    threshold: float | None,
    methods: str | None,
    exact: bool,
    plot: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Bound the noise of one path of MODEL by every method, side by side."""
    if not 0 <= budget <= MOST_ENTRIES:
        raise UserError(
            f"budget must be at least 0 and at most {MOST_ENTRIES:,} entries, got {budget}"
        )
    if not 0 < delta < 1:
        raise UserError(f"delta must lie strictly between 0 and 1, got {delta}")
    chosen = None
    if methods is not None:
        chosen = [method_named(name.strip()).name for name in methods.split(",")]
    if plot is not None:
        if plot.suffix != ".png":
            raise UserError(f"--plot must end in .png, got {plot}")
        require_writable(plot)
    loaded = load(model)
    made = noise_term(loaded, term, rank, head, peel=peel)
    level = default_threshold(made) if threshold is None else threshold
    settings = Settings(Stream.from_seed(seed).fold_in("noise"), budget, math.log(delta))
    quantities = asked(level, loaded.n_ctx)
    rows = noise_table(made, quantities, settings, chosen, exact=exact)
    if not rows:
        raise UserError(f"the methods {methods} bound none of the quantities")
    if plot is not None:
        from probbound.cli.noise_plot import draw

        draw(made, rows, level, settings, plot)
        stderr.print(f"figure written to {plot}")
    if as_json:
        print_json(
            {
                "model": loaded.name,
                "term": term,
                "rank": rank,
                "head": head,
                "shape": list(made.shape),
                "threshold": level,
                "level": LEVEL,
                "n_ctx": loaded.n_ctx,
                "budget": budget,
                "delta": delta,
                "seed": seed,
                "rows": [as_object(row, delta) for row in rows],
            }
        )
    else:
        m, n = made.shape
        title = f"{made.name} without {rank} leading directions: {m:,} × {n:,}"
        print_whole(bounds_table(rows, title, exact))
        stdout.print(
            f"Shares count entries above {level:.4g} in absolute value, spreads of rows above "
            f"{2 * level:.4g}; the quantile is that of level {LEVEL:g}; inputs have "
            f"{loaded.n_ctx} tokens. δ is spent by each row of the table alone."
        )


def default_threshold(term: NoiseTerm) -> float:
    """Three times the root mean square of the entries, which costs no look at any of them."""
    return 3 * term.remainder.frobenius() / math.sqrt(term.remainder.size)


def asked(threshold: float, n_ctx: int) -> list[Quantity]:
    """Every quantity, at one threshold for entries and twice that for spreads."""
    return [
        Quantity("mean"),
        Quantity("rms"),
        Quantity("share-above", threshold=threshold),
        Quantity("quantile", level=LEVEL),
        Quantity("row-spread-share", threshold=2 * threshold),
        Quantity("input-share", threshold=threshold, n_ctx=n_ctx),
        *(Quantity(name) for name in QUANTITIES if name in MAXIMA),
        Quantity("frobenius-norm"),
    ]


def as_object(row: NoiseBound, delta: float) -> dict[str, Any]:
    """A row of the table, for JSON; what is not a number (an infinite bound) is null."""
    made = {
        "quantity": row.quantity.name,
        "threshold": row.quantity.threshold,
        "level": row.quantity.level,
        "n_ctx": row.quantity.n_ctx,
        "method": row.method,
        "bound": row.bound if math.isfinite(row.bound) else None,
        "guarantee": str(row.guarantee),
        "delta": 0.0 if row.guarantee is Guarantee.DETERMINISTIC else delta,
        "entries": row.entries,
        "flops": row.flops,
        "seconds": row.seconds,
        "detail": row.detail,
    }
    return made if row.truth is None else made | {"truth": row.truth}


def bounds_table(rows: list[NoiseBound], title: str, exact: bool) -> Table:
    """One line for each quantity and method; `exact` adds the truth and the ratio to it."""
    right = ("at most", "δ", "entries", "FLOP", "time", *(("truth", "×") if exact else ()))
    made = styled("", *right, title=title, right=right)
    for before, row in zip([None, *rows], rows, strict=False):
        if before is None or before.quantity != row.quantity:
            made.add_row(f"[bold]{row.quantity.name}[/bold]")
        made.add_row(
            f" {row.method}",
            f"{row.bound:.4g}",
            "0" if row.guarantee is Guarantee.DETERMINISTIC else f"{row.delta:.2g}",
            metric(row.entries),
            metric(row.flops),
            seconds(row.seconds),
            *(_against_truth(row) if exact else ()),
        )
    return made


def _against_truth(row: NoiseBound) -> tuple[str, str]:
    truth = math.nan if row.truth is None else row.truth
    ratio = f"{row.bound / truth:.3g}" if truth > 0 else "–"
    return f"{truth:.4g}", ratio
