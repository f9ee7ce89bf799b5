"""`probbound noise`: the noise of one path, bounded by every method side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.table import Table

from probbound.arithmetic.decimals import upper
from probbound.cli.delta import FIXED_DELTA
from probbound.cli.loading import loading
from probbound.cli.noise_map import show_map
from probbound.cli.noise_subject import Subject, chain_in, noise_of, refuse, without
from probbound.cli.output import (
    as_json_option,
    chance,
    exactly,
    metric,
    print_json,
    print_whole,
    seconds,
    stderr,
    stdout,
)
from probbound.cli.output import table as styled
from probbound.cli.whole import WHOLE
from probbound.contract.defaults import DEFAULT_DELTA
from probbound.machine.errors import UserError
from probbound.machine.files import require_writable
from probbound.models.attention_only.path_names import TermName
from probbound.models.ends import Ends

if TYPE_CHECKING:
    from probbound.noise.contract import NoiseBound, Quantity, Settings
    from probbound.noise.term import NoiseTerm

DEFAULT_ENTRIES = 100_000
MOST_ENTRIES = 1 << 28  # drawn at once; their numbers alone take 2 GiB
LEVEL = 0.99
ROUNDING_MATTERS = 1000.0
TRUTH = (
    "truth is the quantity itself, of the stored factors multiplied to 100 bits, rounded down; "
    "× is the bound over it."
)
THREE_TIMES = " (3 times the proven RMS, so at most 1/9 of all by Chebyshev's inequality)"
TERMS, ENDS = get_args(TermName), get_args(Ends)

_NOT_OF_A_MAP = ("chain", "term", "head", "peel", "methods", "plot", "directions")


@click.command()
@click.argument("model")
@click.option(
    "--chain", help="Bound this product of arrays of the file MODEL instead, as A,B[0].T,C."
)
@click.option(
    "--map", "whole", is_flag=True, help="Every layer and head: energy left, share above."
)
@click.option(
    "--ends",
    type=click.Choice(ENDS),
    help="Of a map: from tokens to tokens, or within the residual stream (default: tokens).",
)
@click.option("--out", type=Path, help="Of a map: write map.png and map.parquet into this folder.")
@click.option("--term", type=click.Choice(TERMS), default="qk", help="Path.", show_default=True)
@click.option(
    "--rank", type=WHOLE, help="Leading directions taken out (default: 1, or 0 after --directions)."
)
@click.option(
    "--directions", type=Path, help="First take out the columns of left and right of this .npz."
)
@click.option("--head", type=WHOLE, default=0, help="Which attention head.", show_default=True)
@click.option("--peel", is_flag=True, help="Take the directions out of every factor too.")
@click.option(
    "--budget", type=WHOLE, default=DEFAULT_ENTRIES, help="Entries sampled.", show_default=True
)
@click.option(
    "--delta",
    type=FIXED_DELTA,
    default=DEFAULT_DELTA,
    help="Failure probability of a row of the table.",
)
@click.option(
    "--threshold", type=float, help="Count entries above this (default: 3 times the proven RMS)."
)
@click.option("--methods", help="Only these, separated by commas.")
@click.option("--exact", is_flag=True, help="Evaluate every entry too, and show the truth.")
@click.option("--plot", type=Path, help="Draw spectrum, entries and bounds into this .png.")
@click.option("--seed", type=WHOLE, default=0, help="Seed of the samples.", show_default=True)
@as_json_option
def noise(
    model: str,
    chain: str | None,
    whole: bool,
    ends: Ends | None,
    out: Path | None,
    term: TermName,
    rank: int | None,
    directions: Path | None,
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
    """Bound the noise of one path of MODEL by every method, side by side.

    Or of any chain of matrices in a file (--chain), or a map of every layer and head (--map).
    """
    _require_usable(budget, plot)
    settings = _settings(budget, delta, seed)
    if rank is None:
        rank = 1 if directions is None else 0
    if whole:
        refuse("beside --map", _NOT_OF_A_MAP)
        show_map(
            *(model, ends or "tokens", rank, threshold, settings, delta),
            exact=exact,
            out=out,
            as_json=as_json,
        )
        return
    refuse("without --map", ("ends", "out"))
    if chain is not None:
        refuse("beside --chain", ("term", "head"))
    chosen = _methods_named(methods)
    subject = path_of(model, term, head) if chain is None else chain_in(model, chain)
    made = noise_of(subject, directions, rank, peel)
    found = _bounded(made, subject.n_ctx, settings, threshold, chosen, exact)
    if not found.rows:
        raise UserError(f"the methods {methods} bound none of the quantities")
    if plot is not None:
        _draw(found, plot)
    if as_json:
        taken = {"rank": rank, "directions": None if directions is None else str(directions)}
        drawn = {"budget": budget, "delta": delta, "seed": seed}
        print_json(found_json({**subject.told, **taken}, drawn, found, delta))
        return
    m, n = made.shape
    title = f"{made.name} {without(rank, directions)}: {m:,} × {n:,}"
    print_whole(bounds_table(found.rows, title, delta, exact))
    for note in notes(found, usual=threshold is None):
        stdout.print(note)
    if exact:
        stdout.print(TRUTH)


@dataclass(frozen=True)
class Found:
    """What was bounded: of which term, with what draws, above which threshold.

    `rms` is a bound on the root mean square of the entries; `n_ctx` is None where no inputs are.
    """

    term: NoiseTerm
    n_ctx: int | None
    settings: Settings
    rms: float
    threshold: float
    rows: list[NoiseBound]


def _settings(budget: int, delta: float, seed: int) -> Settings:
    with loading():
        from probbound.contract.confidence import check_delta
        from probbound.draws.random_streams import Stream
        from probbound.noise.contract import Settings

    check_delta(delta)
    return Settings(Stream.from_seed(seed).fold_in("noise"), budget, math.log(delta))


def _bounded(
    term: NoiseTerm,
    n_ctx: int | None,
    settings: Settings,
    threshold: float | None,
    methods: list[str] | None,
    exact: bool,
) -> Found:
    """Every quantity by every method; the usual threshold is three times the proven RMS."""
    from probbound.noise.registry import noise_table, proven_rms

    rms = proven_rms(term, settings)
    level = 3 * rms if threshold is None else threshold
    rows = noise_table(term, asked(level, n_ctx), settings, methods, exact=exact)
    return Found(term, n_ctx, settings, rms, level, rows)


def _methods_named(names: str | None) -> list[str] | None:
    """Methods by their names between commas, None for all."""
    from probbound.noise.registry import method_named

    if names is None:
        return None
    return [method_named(name.strip()).name for name in names.split(",")]


def _draw(found: Found, plot: Path) -> None:
    with loading():
        from probbound.cli.noise_plot import draw

    draw(found.term, found.rows, found.threshold, found.settings, plot)
    stderr.print(f"figure written to {plot}", markup=False, soft_wrap=True)


def found_json(
    told: Mapping[str, Any], drawn: Mapping[str, Any], found: Found, delta: float
) -> dict[str, Any]:
    """The whole table as JSON values, with what it is of."""
    return {
        **told,
        "shape": list(found.term.shape),
        "threshold": found.threshold,
        "level": LEVEL,
        "n_ctx": found.n_ctx,
        **drawn,
        "rows": [as_object(row, delta) for row in found.rows],
    }


def _require_usable(budget: int, plot: Path | None) -> None:
    """Refuse a number of entries, or a place for a figure, that cannot be used."""
    if not 0 <= budget <= MOST_ENTRIES:
        raise UserError(
            f"budget must be at least 0 and at most {MOST_ENTRIES:,} entries, got {budget}"
        )
    if plot is not None:
        if plot.suffix != ".png":
            raise UserError(f"--plot must end in .png, got {plot}")
        require_writable(plot)


def path_of(model: str, term: TermName, head: int) -> Subject:
    """A path of a network."""
    with loading():
        from probbound.models.attention_only.paths import noise_term
        from probbound.models.catalogue import DEFAULT_KIND
        from probbound.models.registry import load
    loaded = load(model)
    if loaded.kind != DEFAULT_KIND:
        raise UserError(
            f"paths have names (--term) in networks of kind {DEFAULT_KIND}, and {loaded.name} is "
            f"of kind {loaded.kind}; --chain A,B bounds any product of its arrays, and --map shows "
            "every layer and head of a transformer"
        )
    told = {"model": loaded.name, "term": term, "head": head}
    return Subject(noise_term(loaded, term, 0, head), loaded.n_ctx, told)


def notes(found: Found, *, usual: bool) -> Iterator[str]:
    """What a reader of the table must know; `usual` is the threshold that nobody named."""
    above, spread = upper(found.threshold, 4), upper(2 * found.threshold, 4)
    above += THREE_TIMES * usual
    inputs = "" if found.n_ctx is None else f"; inputs have {found.n_ctx} tokens"
    yield (
        f"Shares count entries above {above} in absolute value, spreads of rows above "
        f"{spread}; the quantile is that of level {exactly(LEVEL)}{inputs}. "
        "δ is spent by each row of the table alone."
    )
    error = found.term.remainder.entry_error()
    if found.rms < ROUNDING_MATTERS * error:
        yield (
            f"Rounding alone can move a computed entry by up to {upper(error, 2)}, which is not "
            "little beside what is left of the product: small bounds speak of rounding here."
        )


def asked(threshold: float, n_ctx: int | None) -> list[Quantity]:
    """Every quantity, at one threshold for entries and twice that for spreads.

    That of inputs where they have a number of tokens.
    """
    from probbound.noise.contract import MAXIMA, QUANTITIES, Quantity

    return [
        Quantity("mean"),
        Quantity("rms"),
        Quantity("share-above", threshold=threshold),
        Quantity("quantile", level=LEVEL),
        Quantity("row-spread-share", threshold=2 * threshold),
        *([] if n_ctx is None else [Quantity("input-share", threshold=threshold, n_ctx=n_ctx)]),
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
        "delta": 0.0 if row.guarantee == "deterministic" else delta,
        "entries": row.entries,
        "flops": row.flops,
        "seconds": row.seconds,
        "detail": row.detail,
    }
    return made if row.truth is None else made | {"truth": row.truth}


def bounds_table(rows: list[NoiseBound], title: str, delta: float, exact: bool) -> Table:
    """One line for each quantity and method; `exact` adds the truth and the ratio to it."""
    right = ("at most", "δ", "entries", "FLOP", "time", *(("truth", "×") if exact else ()))
    made = styled("", *right, title=title, right=right)
    for before, row in zip([None, *rows], rows, strict=False):
        if before is None or before.quantity != row.quantity:
            made.add_row(f"[bold]{row.quantity.name}[/bold]")
        made.add_row(
            f" {row.method}",
            upper(row.bound, 4),
            "0" if row.guarantee == "deterministic" else chance(delta),
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
