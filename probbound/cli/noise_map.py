"""`probbound noise MODEL --map`: every layer and head as a table, a figure and Parquet."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from probbound.arithmetic.decimals import upper
from probbound.cli.loading import loading
from probbound.cli.noise_subject import without
from probbound.cli.output import chance, print_json, print_whole, seconds, stderr, stdout
from probbound.cli.output import table as styled
from probbound.machine.errors import UserError
from probbound.machine.files import require_writable, write_atomically

if TYPE_CHECKING:
    from probbound.models.ends import Ends
    from probbound.noise.contract import Settings
    from probbound.noise.map import Tile

FIGURE, TABLE = "map.png", "map.parquet"
MEANING = (
    "left k: share of the squared entries of the whole product that k leading directions leave; "
    "beside it that of a product of Gaussian matrices of the same sizes. Both are figures in "
    "float64 and no bounds."
)


def show_map(
    model: str,
    ends: Ends,
    rank: int,
    threshold: float | None,
    settings: Settings,
    delta: float,
    *,
    exact: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Print the map of a network, and write it into the folder `out`."""
    with loading():
        from probbound.models.circuits import circuits_in
        from probbound.noise.map import tiles

    if out is not None:
        _prepare(out)
    circuits = circuits_in(model, ends)
    found = list(tiles(circuits, settings, rank, threshold, exact=exact))
    if out is not None:
        _write(found, rank, out)
    if as_json:
        told = {"model": model, "ends": ends, "rank": rank, "budget": settings.budget}
        told |= {"delta": delta, "circuits": len(found)}
        print_json({**told, "rows": [record(tile) for tile in found]})
        return
    for label in dict.fromkeys(tile.label for tile in found):
        print_whole(_listed([tile for tile in found if tile.label == label], rank))
    for note in _notes(len(found), rank, threshold, delta):
        stdout.print(note)


def _notes(circuits: int, rank: int, threshold: float | None, delta: float) -> list[str]:
    level = "its threshold, 3 times the proven RMS," if threshold is None else upper(threshold, 4)
    return [
        MEANING,
        f"above: share of the entries of a circuit {without(rank)} that exceed {level} in absolute "
        f"value, at most, from a sample: all {circuits} at once, except with probability "
        f"{chance(delta)}. exact: the same from every entry, for certain, where asked for or as "
        "cheap.",
    ]


def _prepare(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {out}: {error.strerror or error}") from error
    for name in (FIGURE, TABLE):
        require_writable(out / name)


def _write(found: list[Tile], rank: int, out: Path) -> None:
    with loading():
        from probbound.cli.noise_map_files import drawn, parquet

    write_atomically(out / TABLE, parquet([record(tile) for tile in found]))
    write_atomically(out / FIGURE, drawn(found, rank))
    stderr.print(f"{FIGURE} and {TABLE} written to {out}", markup=False, soft_wrap=True)


def record(tile: Tile) -> dict[str, Any]:
    """A tile as plain values: a row of the JSON and of the Parquet file."""
    from probbound.noise.map import DIRECTIONS

    made = {
        "circuit": tile.label,
        "layer": tile.layer,
        "head": tile.head,
        "rows": tile.shape[0],
        "columns": tile.shape[1],
        "inner": min(tile.dimensions),
    }
    for k in DIRECTIONS:
        made |= {f"left_{k}": tile.left.get(k), f"gaussian_{k}": tile.gaussian.get(k)}
    sampled, exact = tile.sampled, tile.exact
    return made | {
        "rms": tile.rms if math.isfinite(tile.rms) else None,
        "threshold": tile.threshold if math.isfinite(tile.threshold) else None,
        "share_above": sampled.bound,
        "guarantee": str(sampled.guarantee),
        "delta": sampled.delta,
        "entries": sampled.entries,
        "exact_share_above": None if exact is None else exact.bound,
        "seconds": tile.seconds,
        "sample_seconds": sampled.seconds,
        "exact_seconds": None if exact is None else exact.seconds,
    }


def _listed(rows: list[Tile], rank: int) -> Table:
    from probbound.noise.map import DIRECTIONS

    left = [f"left {k}" for k in DIRECTIONS]
    right = ("layer", "head", *(x for name in left for x in (name, "Gauss")))
    right += ("threshold", "above", "exact", "time")
    made = styled(*right, right=right, title=_title(rows[0], rank))
    for tile in rows:
        made.add_row(
            str(tile.layer),
            "–" if tile.head is None else str(tile.head),
            *(_share(of.get(k)) for k in DIRECTIONS for of in (tile.left, tile.gaussian)),
            upper(tile.threshold, 3),
            upper(tile.sampled.bound, 3),
            "–" if tile.exact is None else upper(tile.exact.bound, 3),
            seconds(tile.seconds),
        )
    return made


def _title(first: Tile, rank: int) -> str:
    sizes = " × ".join(f"{size:,}" for size in first.dimensions)
    return f"{first.label} ({sizes}) {without(rank)}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
