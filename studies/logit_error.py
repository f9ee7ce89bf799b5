"""How far is a logit of modular addition from the idealised one, an integral over phases?

The published account of these networks takes the sum over neurons for an integral, and gives the
absolute error of that idealised logit: bounded in a number of operations linear in p and the
neurons, as it is seen, and naively, by the integral of the integrand's size. The same here, of the
sum of waves alone and of the network's own logits, and beside it what draws say with confidence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import probbound
from estimators.mean import betting
from estimators.quantile import order_statistic
from probbound.arithmetic.decimals import upper
from probbound.draws.random_streams import Stream
from probbound.figures.charts import AMBER, BLACK, BLUE, GREEN, GREY, ORANGE
from probbound.machine.progress import track
from studies.idealised import NAIVE, UNIT, Idealised
from studies.models import model_named
from studies.study import Row, Study
from studies.write_up import markdown_table

PUBLISHED = {"naive": 0.85, "proved": 0.6, "seen": 0.04}
INTEGRAL, NETWORK = "integral", "network"
TASK = "modular-addition"
_PAIRS = 1 << 11
_LOOKS = {
    "bound_mean": (BLUE, "D", "proved, mean"),
    "bound": (BLUE, "s", "proved, of any pair"),
    "sampled_quantile": (AMBER, "^", "sampled, of all but a few pairs"),
    "sampled_mean": (GREEN, "v", "sampled, mean"),
    "seen_max": (BLACK, "_", "seen, largest of all pairs"),
    "seen_mean": (ORANGE, "o", "seen, mean of all pairs"),
    "lead": (GREY, "x", "half of the mean lead of the right class"),
}
_ONLY = {"bound_mean": INTEGRAL, "lead": NETWORK}


@dataclass(frozen=True)
class Grid:
    """Networks of modular addition; `draws` pairs bound the mean and a quantile at `delta` each."""

    models: tuple[str, ...]
    draws: int
    quantile: float
    delta: float
    seed: int


def measure(grid: Grid, work: Path) -> list[Row]:
    """A row for the sum of waves and one for the network's logits, of each model.

    Errors are in units of `studies.idealised`, the largest over classes for each pair.
    """
    rows = []
    for name in track(grid.models, "logit error"):
        model = model_named(name, work)
        task: Any = probbound.task_for(model, task=TASK)
        ideal, stream = Idealised.of(model, task.labelling), Stream.from_seed(grid.seed)
        drawn = task.sample(stream.fold_in("logit error").fold_in(name), 0, grid.draws)
        p, terms = model.d_vocab, ideal.terms
        every = np.stack(np.divmod(np.arange(p * p), p), axis=1)
        whole = terms.integration + terms.phase_defect + terms.input_noise + terms.output_noise
        shares = {
            "ideal": terms.ideal,
            "integration": terms.integration * ideal.scale,
            "phase_defect": terms.phase_defect * ideal.scale,
            "input_noise": terms.input_noise * ideal.scale,
            "output_noise": terms.output_noise * ideal.scale,
            "lead": _lead(model, every) / 2 * ideal.scale,
        }
        for what, error, bound in (
            (INTEGRAL, ideal.of_integral, terms.integration),
            (NETWORK, ideal.of_network, whole),
        ):
            seen = _of(error, every)
            most = bound * ideal.scale
            rows.append(
                {
                    "model": name,
                    "of": what,
                    **_sampled(error(drawn), most, grid),
                    "seen_mean": float(seen.mean()),
                    "seen_max": float(seen.max()),
                    "bound": most,
                    "bound_mean": most * ideal.agreed if what == INTEGRAL else None,
                    "naive_mean": NAIVE * ideal.agreed,
                    **shares,
                }
            )
    return rows


def _of(error: Callable[[Int[np.ndarray, "n 2"]], np.ndarray], pairs: np.ndarray) -> np.ndarray:
    return np.concatenate([error(pairs[i : i + _PAIRS]) for i in range(0, len(pairs), _PAIRS)])


def _lead(model: Any, pairs: Int[np.ndarray, "n 2"]) -> float:
    """The mean margin, in logits."""

    def margins(some: Int[np.ndarray, "n 2"]) -> Float[np.ndarray, " n"]:
        logits, rows = model.plain(some), np.arange(len(some))
        labels = some.sum(axis=1) % model.d_vocab
        own = logits[rows, labels]
        logits[rows, labels] = -np.inf
        return own - logits.max(axis=1)

    return float(_of(margins, pairs).mean())


def _sampled(errors: Float[np.ndarray, " n"], most: float, grid: Grid) -> Row:
    """Upper bounds on the mean, no error being above `most`, and on a quantile."""
    mean = betting(errors, delta=grid.delta, high=most, side="upper")
    rank = order_statistic(errors, grid.quantile, delta=grid.delta, side="upper", high=most)
    told = {"draws": grid.draws, "delta": grid.delta, "level": grid.quantile}
    return told | {"sampled_mean": float(mean.upper), "sampled_quantile": float(rank.upper)}


def draw(rows: list[Row]) -> Figure:
    """Errors of each model: of the sum of waves, and of the network's logits."""
    figure, panels = plt.subplots(1, 2, figsize=(11.5, 4.9), sharey=True, layout="constrained")
    for axes, what in zip(panels, (INTEGRAL, NETWORK), strict=True):
        own = [row for row in rows if row["of"] == what]
        _panel(axes, own, [key for key in _LOOKS if _ONLY.get(key, what) == what])
    panels[0].set(title="sum of waves against integral", ylabel="error of the idealised logit")
    panels[1].set_title("network's logits against integral")
    for label, value in PUBLISHED.items():
        panels[0].axhline(value, color=GREY, ls=":", lw=0.9, zorder=1)
        place = (0.99, value * 1.04)
        across = panels[0].get_yaxis_transform()
        look: dict[str, Any] = {"fontsize": 7, "color": GREY, "ha": "right", "transform": across}
        panels[0].text(*place, f"published, {label}", **look)
    found = [axes.get_legend_handles_labels() for axes in panels]
    handles = {label: h for hs, labels in found for h, label in zip(hs, labels, strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _panel(axes: Axes, rows: list[Row], shown: list[str]) -> None:
    for key in shown:
        colour, marker, label = _LOOKS[key]
        values = [row[key] for row in rows]
        axes.plot(range(len(rows)), values, marker, color=colour, label=label, markersize=6)
    axes.set_yscale("log")
    names = [row["model"].replace("mod-add-", "").replace("-", " ") for row in rows]
    axes.set_xticks(range(len(rows)), names, rotation=45, ha="right", fontsize=8)
    axes.set_xlim(-0.5, len(rows) - 0.5)


def found(rows: list[Row]) -> str:
    """The table on the published scale, then the network's, with its bound term by term."""
    integral, network = ([r for r in rows if r["of"] == what] for what in (INTEGRAL, NETWORK))
    lines = [["*published*", "", *PUBLISHED.values(), "", ""]]
    lines += [
        [
            f"`{row['model']}`",
            *(row["ideal"], row["naive_mean"], upper(row["bound_mean"])),
            *(row["seen_mean"], row["seen_max"]),
            upper(row["sampled_quantile"]),
        ]
        for row in integral
    ]
    level = f"{rows[0]['level']:.0%} quantile ≤"
    columns = ["model", "amplitude, logits", "naive", "proved", "seen, mean"]
    first = markdown_table([*columns, "seen, largest", level], lines)
    proved = ("integration", "phase_defect", "input_noise", "output_noise", "bound")
    lines = [
        [
            f"`{row['model']}`",
            *(upper(row[key]) for key in proved),
            *(row[key] for key in ("lead", "seen_mean", "seen_max")),
            upper(row["sampled_mean"]),
            upper(row["sampled_quantile"]),
        ]
        for row in network
    ]
    columns = ["integration", "phases", "input noise", "output noise", "proved in all"]
    columns += ["half of the mean lead", "seen, mean", "seen, largest", "mean ≤", level]
    second = markdown_table(["model", *columns], lines)
    drawn = f"{rows[0]['draws']:,} pairs and δ = {rows[0]['delta']:g}"
    return (
        f"The sum of waves against its integral, on the scale on which the amplitudes of all "
        f"frequencies sum up to {UNIT:.3g}, the integral of relu(cos u) cos(2u); naive and proved "
        f"are averages over pairs, of which each frequency speaks with |cos(πk(a - b)/p)|:\n\n"
        f"{first}\n\nThe network's logits against the integral, on the same scale, the bounds of "
        f"any pair:\n\n{second}\n\nAn error is the largest over all classes, for one pair. Bounds "
        f"on means and quantiles rest on {drawn} each; the range of a mean is what is proved "
        "(Theorem 8.12). What is seen is computed in float64 and not rounded outward."
    )


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
