"""A map of noise as a figure, a tile for each layer and head, and as Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from probbound.figures.charts import house_style, rendered
from probbound.noise.map import DIRECTIONS, Tile

AFTER = 4
_FONT = 10
_CELL, _AROUND, _TITLE = 0.42, 1.9, 3.2  # inches: of a tile, around them, of the words above
_WHOLE = ("layer", "head", "rows", "columns", "inner", "entries")
_TEXT = ("circuit", "guarantee")


def parquet(records: list[dict[str, Any]]) -> bytes:
    """The rows as the bytes of a Parquet file."""
    kinds = {**dict.fromkeys(_WHOLE, pa.int64()), **dict.fromkeys(_TEXT, pa.string())}
    schema = pa.schema([(name, kinds.get(name, pa.float64())) for name in records[0]])
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records, schema=schema), buffer)
    return buffer.getvalue()


def drawn(found: list[Tile], rank: int) -> bytes:
    """The PNG: above, energy left against Gaussian; below, the share above, certified."""
    labels = list(dict.fromkeys(tile.label for tile in found))
    panels = {label: [tile for tile in found if tile.label == label] for label in labels}
    grids = [_grid(panels[label], lambda tile: 0.0).shape for label in labels]
    widths = [max(_TITLE, _AROUND + _CELL * heads) for _, heads in grids]
    height = 2 * (_AROUND + _CELL * max(layers for layers, _ in grids))
    with house_style():
        figure, axes = plt.subplots(
            *(2, len(labels)),
            figsize=(sum(widths), height),
            width_ratios=widths,
            squeeze=False,
            layout="constrained",
        )
        try:
            for column, label in enumerate(labels):
                _energies(figure, axes[0, column], panels[label])
                _shares(figure, axes[1, column], panels[label], rank)
            return rendered(figure, "png")
        finally:
            plt.close(figure)


def _energies(figure: Figure, axes: Axes, tiles: list[Tile]) -> None:
    k = max((k for k in DIRECTIONS if k <= AFTER and k in tiles[0].left), default=None)
    if k is None:
        axes.set_axis_off()
        return
    values = _grid(tiles, lambda tile: tile.left[k] / tile.gaussian[k])
    _tiles(figure, axes, values, "viridis", (0.0, max(1.0, float(np.nanmax(values)))))
    axes.set_title(f"{tiles[0].label}: energy left\nafter {k}, over Gaussian", fontsize=_FONT)


def _shares(figure: Figure, axes: Axes, tiles: list[Tile], rank: int) -> None:
    values = _grid(tiles, lambda tile: tile.sampled.bound)
    _tiles(figure, axes, values, "magma", (0.0, float(np.nanmax(values)) or 1.0))
    levels = {tile.threshold for tile in tiles}
    above = f"{levels.pop():.3g}" if len(levels) == 1 else "3 RMS"
    axes.set_title(f"{tiles[0].label}: share above\n{above}, at most, after {rank}", fontsize=_FONT)


def _tiles(
    figure: Figure,
    axes: Axes,
    values: Float[np.ndarray, "layers heads"],
    colours: str,
    limits: tuple[float, float],
) -> None:
    image = axes.imshow(values, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="equal")
    axes.grid(False)
    heads = values.shape[1]
    axes.set_yticks(range(len(values)))
    axes.set_ylabel("layer")
    axes.set_xticks(range(heads) if heads > 1 else [])
    axes.set_xlabel("head" if heads > 1 else "")
    figure.colorbar(image, ax=axes, shrink=0.8)


def _grid(tiles: list[Tile], value: Callable[[Tile], float]) -> Float[np.ndarray, "layers heads"]:
    """A number for each layer and head; NaN, which stays white, where there is no such head."""
    heads = 1 + max(tile.head or 0 for tile in tiles)
    grid = np.full((1 + max(tile.layer for tile in tiles), heads), np.nan)
    for tile in tiles:
        grid[tile.layer, tile.head or 0] = value(tile)
    return grid
