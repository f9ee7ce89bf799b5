"""One sample for all paths, or one for each? And does it matter that paths share matrices?

Where a bound adds the noise of several paths (QK, OV, direct), they may be looked at at the same
places (joint: one event, one δ) or each at its own (separate: δ is split, a union bound). Both
are sound although QK, OV and direct path share embedding and unembedding. Joint has the larger δ
and counts a place once that is bad on several paths; separate may look where each path is met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from estimators.proportion import clopper_pearson
from probbound.draws.random_streams import Stream
from probbound.figures.charts import BLACK, BLUE, GREEN, ORANGE, PINK, SKY
from probbound.models.attention_only.paths import noise_term
from probbound.models.attention_only.transformer import Transformer, in_float64
from studies.bands import band, draw_band
from studies.grids import certified_rows
from studies.models import model_named
from studies.study import Row, Study
from studies.write_up import markdown_table

COLOURS = {"separate": (BLUE, "o"), "joint": (ORANGE, "s")}


@dataclass(frozen=True)
class Grid:
    """Sweeps of `entries` with both paths, and how places of one sample are counted.

    For each model in `models` the share `marked` of the entries of each path, the largest, counts
    as bad; `loudness` multiplies the embeddings of one token in `every`, which makes all paths bad
    at the same places. `samples` places are drawn, `repeats` times, at `delta`.
    """

    grids: tuple[Mapping[str, Any], ...]
    models: tuple[str, ...]
    loudness: tuple[float, ...]
    every: int
    marked: float
    samples: tuple[int, ...]
    repeats: int
    delta: float


def measure(grid: Grid, work: Path) -> list[Row]:
    """Rows of kind `entries`, one per certificate, and of kind `events`, one per count."""
    rows = [
        {
            **{key: row[key] for key in ("model", "paths", "seed", "delta")},
            "kind": "entries",
            "n": row["budget"],
            "flops": row["flops"],
            "bound": row["bound"],
            "overlap": None,
            "loudness": None,
            "truth": None,
        }
        for row in certified_rows(grid.grids, work)
    ]
    for name in grid.models:
        for loudness in grid.loudness:
            bad = bad_places(louder(model_named(name, work), loudness, grid.every), grid.marked)
            rows += _events(name, loudness, bad, grid)
    return rows


def louder(model: Transformer, factor: float, every: int) -> Transformer:
    """The model with the embeddings of one token in `every` multiplied."""
    embedding = np.array(in_float64(model).W_E)
    embedding[::every] *= factor
    return replace(in_float64(model), W_E=embedding)


def bad_places(model: Transformer, share: float) -> Bool[np.ndarray, "path v v"]:
    """On each path, the places of its largest noise entries, of which `share` is the share.

    Noise is what the leading direction leaves, of OV without the copying diagonal.
    """
    found = []
    for path in ("qk", "ov", "direct"):
        size = np.abs(noise_term(model, path, 1).remainder.rows(slice(None)))
        if path == "ov":
            np.fill_diagonal(size, 0)
        found.append(size > np.quantile(size, 1 - share))
    return np.stack(found)


def _events(name: str, loudness: float, bad: Bool[np.ndarray, "path v v"], grid: Grid) -> list[Row]:
    paths, places = len(bad), bad[0].size
    flat, union = bad.reshape(paths, places), bad.any(axis=0).ravel()
    overlap = float(flat.mean(axis=1).sum() / union.mean())
    rng = Stream.from_seed(0).fold_in(f"{name} {loudness}").generator()
    rows = []
    for n in grid.samples:
        for repeat in range(grid.repeats):
            where = rng.integers(0, places, n)
            own = rng.integers(0, places, (paths, n))
            counts = [int(flat[path, own[path]].sum()) for path in range(paths)]
            bounds = {
                "joint": _upper(int(union[where].sum()), n, grid.delta),
                "separate": sum(_upper(count, n, grid.delta / paths) for count in counts),
            }
            common = {"seed": repeat, "delta": grid.delta, "kind": "events", "n": n, "flops": None}
            measured = {"overlap": overlap, "loudness": loudness, "truth": float(union.mean())}
            rows += [
                {"model": name, "paths": choice, **common, "bound": upper, **measured}
                for choice, upper in bounds.items()
            ]
    return rows


def _upper(k: int, n: int, delta: float) -> float:
    return float(clopper_pearson(k, n, delta=delta, side="upper").upper)


def draw(rows: list[Row]) -> Figure:
    """Certified accuracy of `entries` for both; and counts, against the overlap of the paths."""
    sweeps = [row for row in rows if row["kind"] == "entries"]
    names = list(dict.fromkeys(row["model"] for row in sweeps))
    figure, panels = plt.subplots(
        1, len(names) + 1, figsize=(3.7 * len(names) + 4.6, 4), layout="constrained"
    )
    for axes, name in zip(panels, names, strict=False):
        for choice, (colour, marker) in COLOURS.items():
            own = [row for row in sweeps if (row["model"], row["paths"]) == (name, choice)]
            shown = band(own, "flops", "bound", place="n")
            draw_band(axes, replace(shown, x=shown.x / 1e9), colour, marker, choice)
        axes.set(xlim=(0, None), ylim=(-0.03, 1.03), xlabel="operations (GFLOP)")
        axes.set_title(f"entries on {name}", fontsize=10)
    panels[0].set_ylabel("certified accuracy")
    panels[0].legend(fontsize=8)
    _overlap_panel(panels[-1], rows)
    return figure


def _overlap_panel(axes: Axes, rows: list[Row]) -> None:
    events = _gains(rows)
    shades = dict.fromkeys(row["n"] for row in events)
    for place, n in enumerate(shades):
        own = [row for row in events if row["n"] == n]
        colour = (SKY, BLUE, GREEN, PINK)[place % 4]
        draw_band(axes, band(own, "overlap", "gain"), colour, "osD^v"[place % 5], f"n = {n:,}")
    axes.axhline(1, color=BLACK, lw=1)
    axes.set_xlabel("overlap of bad places (1: none, 3: complete)")
    axes.set_ylabel("separate bound ÷ joint bound")
    axes.set_title("counting bad places: above 1, joint is better", fontsize=10)
    axes.legend(fontsize=8)


def _gains(rows: list[Row]) -> list[Row]:
    """How many times larger the separate bound is, for each repeat."""
    events = [row for row in rows if row["kind"] == "events"]
    by_choice = {
        choice: {
            (row["model"], row["loudness"], row["n"], row["seed"]): row
            for row in events
            if row["paths"] == choice
        }
        for choice in COLOURS
    }
    return [
        joint | {"gain": by_choice["separate"][key]["bound"] / joint["bound"]}
        for key, joint in by_choice["joint"].items()
    ]


def found(rows: list[Row]) -> str:
    """Who wins in `entries`, and from which overlap on joint counting is better."""
    sweeps = [row for row in rows if row["kind"] == "entries"]
    lines = []
    for name in dict.fromkeys(row["model"] for row in sweeps):
        own = {
            choice: [r for r in sweeps if (r["model"], r["paths"]) == (name, choice)]
            for choice in COLOURS
        }
        pairs = list(zip(own["separate"], own["joint"], strict=True))
        told = [(a, b) for a, b in pairs if max(a["bound"], b["bound"]) > 0]
        wins = sum(a["bound"] > b["bound"] for a, b in told)
        lead = float(np.median([a["bound"] - b["bound"] for a, b in told])) if told else 0.0
        lines.append([name, f"{wins} of {len(told)}", lead])
    columns = ["entries on", "separate is better", "median lead in accuracy"]
    text = markdown_table(columns, lines)
    gains = _gains(rows)
    table = []
    for key in dict.fromkeys((row["model"], row["loudness"]) for row in gains):
        own = [row for row in gains if (row["model"], row["loudness"]) == key]
        by_n = [
            float(np.median([row["gain"] for row in own if row["n"] == n]))
            for n in dict.fromkeys(row["n"] for row in own)
        ]
        table.append([key[0], f"{key[1]:g}", own[0]["overlap"], *by_n])
    sizes = [f"separate ÷ joint, n = {n:,}" for n in dict.fromkeys(row["n"] for row in gains)]
    counts = markdown_table(["model", "loudness", "overlap", *sizes], table)
    alone = [row["overlap"] for row in gains if row["loudness"] == 1]
    few, many = (
        [row["gain"] for row in gains if row["n"] == n]
        for n in (min(row["n"] for row in gains), max(row["n"] for row in gains))
    )
    return (
        "Inside `entries`, where one sample for all paths has to be uniform over rows and separate "
        f"ones go where each path is met:\n\n{text}\n\n"
        "Counting bad places alone, at the same places or at each path's own, with equal numbers "
        "looked at; `loudness` makes all paths bad at the same tokens, as shared matrices "
        f"can:\n\n{counts}\n\n"
        f"As trained or planted, the paths share matrices and yet their bad places overlap by "
        f"{min(alone):.2f} to {max(alone):.2f} (1: nowhere, 3: everywhere). The separate bound is "
        f"{np.median(few):.2f} times the joint one (median) at the smallest n, where three widths "
        f"and a split δ count most, and {np.median(many):.2f} times at the largest, where only the "
        "overlap is left. `entries` can prefer separate samples all the same: what it counts is "
        "not the same kind of place on every path."
    )


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
