"""What does it buy to train the noise away, and what does it cost?

A trained model is trained on with the size of its noise
(`probbound.models.attention_only.suppression`) added to the loss. The less noise, the less the
cheap proofs give away; but the weights change, and with them the accuracy itself. What comes out is
*another model*, and a bound on it says nothing of the first. The alternative is to leave the model
alone and to sample what the proof cannot certify. The control is trained on just as long without
the penalty.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from probbound.arithmetic.decimals import upper
from probbound.figures.charts import BLACK, GREEN, styles
from probbound.machine.progress import track
from probbound.models.attention_only.suppression import noise_energy
from probbound.models.attention_only.transformer import Transformer
from probbound.models.recipes import Recipe
from probbound.models.store import read_model, save_model
from probbound.tasks.max_of_k.strategies import strategy_named
from probbound.tasks.max_of_k.task import task_for
from probbound.tasks.max_of_k.training import fine_tune
from studies.bands import band, draw_band
from studies.grids import BRUTE_FORCE as TRUTH
from studies.grids import certified_beside_truth
from studies.models import model_named
from studies.study import Row, Study
from studies.write_up import markdown_table

UNTOUCHED = -1.0


@dataclass(frozen=True)
class Grid:
    """Models, how they are trained on (cosine schedule), and what is asked of each result.

    The strategies are asked beside brute force; those that sample have `budget` forward passes.
    """

    models: tuple[str, ...]
    strengths: tuple[float, ...]
    steps: int
    batch: int
    learning_rate: float
    strategies: tuple[str, ...]
    budget: int
    delta: float


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per model, strength and strategy; at strength UNTOUCHED the model as it was."""
    recipe = Recipe("fine-tuning", grid.steps, grid.batch, grid.learning_rate, "cosine", 0.0)
    made: dict[str, tuple[str, float, float]] = {}
    pairs = [(name, s) for name in grid.models for s in (UNTOUCHED, *grid.strengths)]
    for name, strength in track(pairs, "fine-tuning"):
        path = work / f"{name}-at-{strength:g}.safetensors"
        if not path.exists():
            save_model(_tuned(model_named(name, work), recipe, strength), path)
        made[str(path)] = (name, strength, float(noise_energy(read_model(path))))
    rows = []
    for row in certified_beside_truth(made, grid.strategies, grid.budget, grid.delta, work):
        name, strength, energy = made[row["model"]]
        rows.append(
            {
                "model": name,
                "strength": strength,
                "energy": energy,
                "strategy": row["strategy"],
                "deterministic": strategy_named(row["strategy"]).deterministic,
                "guarantee": row["guarantee"],
                "budget": grid.budget,
                "delta": grid.delta,
                "failure_upper": row["failure_upper"],
                "truth": row["truth"],
                "flops": row["flops"],
            }
        )
    return rows


def _tuned(model: Transformer, recipe: Recipe, strength: float) -> Transformer:
    if strength == UNTOUCHED:
        return model
    return fine_tune(model, task_for(model), recipe, 0, noise_energy, strength)


def draw(rows: list[Row]) -> Figure:
    """Certified failure rates of proofs and of samples against the strength, and the noise."""
    figure, (left, middle, right) = plt.subplots(
        1, 3, figsize=(12.4, 4.4), layout="constrained", width_ratios=(1, 1, 0.75)
    )
    strategies = _in_order(row["strategy"] for row in rows if row["strategy"] != TRUTH)
    style = styles(strategies)
    for axes, deterministic in ((left, True), (middle, False)):
        for name in strategies:
            own = [r for r in rows if (r["strategy"], r["deterministic"]) == (name, deterministic)]
            if own:
                _band(axes, own, "failure_upper", style[name].colour, style[name].marker, name)
        truth = [row for row in rows if row["strategy"] == TRUTH]
        _band(axes, truth, "truth", BLACK, "*", "truth")
        _strength_axis(axes, rows)
        axes.set(yscale="log", ylabel="failure rate of the model made")
        axes.legend(fontsize=8, loc="lower left", ncols=2)
    middle.sharey(left)
    left.set_ylim(bottom=left.get_ylim()[0] / 20)
    left.set_title("proofs of the model made", fontsize=10)
    delta, budget = rows[0]["delta"], rows[0]["budget"]
    middle.set_title(f"{budget:,} forward passes, δ = {delta:g}", fontsize=10)
    _band(right, [row for row in rows if row["strategy"] == TRUTH], "energy", GREEN, "o", "noise")
    _strength_axis(right, rows)
    right.set(yscale="log", ylabel="noise, mean square in logits²")
    right.set_title("what the penalty is on", fontsize=10)
    return figure


def _band(axes: Axes, rows: list[Row], y: str, colour: str, marker: str, label: str) -> None:
    places = _places(rows)
    placed = [{**row, "place": places[row["strength"]]} for row in rows]
    floor = min((row[y] for row in placed if row[y] > 0), default=1e-9)
    shown = [{**row, y: max(row[y], floor)} for row in placed]
    draw_band(axes, band(shown, "place", y), colour, marker, label)


def _places(rows: list[Row]) -> dict[float, int]:
    return {strength: i for i, strength in enumerate(sorted({row["strength"] for row in rows}))}


def _strength_axis(axes: Axes, rows: list[Row]) -> None:
    places = _places(rows)
    names = [_named(strength) for strength in places]
    axes.set_xticks(list(places.values()), names, rotation=45, ha="right", fontsize=8)
    axes.set_xlabel("strength of the penalty on noise")


def _named(strength: float) -> str:
    if strength == UNTOUCHED:
        return "untouched"
    return "0 (control)" if strength == 0 else f"{strength:g}"


def _in_order(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


@dataclass(frozen=True)
class Medians:
    """Medians over the models, by strategy and strength; the truth is the strategy TRUTH."""

    rows: list[Row]

    def of(self, strategy: str, strength: float) -> float:
        """The certified failure rate."""
        return _median(self.rows, "failure_upper", strategy=strategy, strength=strength)


def _median(rows: list[Row], column: str, **where: object) -> float:
    return float(np.median([r[column] for r in rows if all(r[k] == where[k] for k in where)]))


def found(rows: list[Row]) -> str:
    """Medians as a table; where each proof is best, and what sampling gives without editing."""
    medians = Medians(rows)
    strengths = sorted({row["strength"] for row in rows})
    penalised = [strength for strength in strengths if strength > 0]
    strategies = _in_order(row["strategy"] for row in rows)
    kinds = {row["strategy"]: row["deterministic"] for row in rows}
    proofs = [name for name in strategies if kinds[name] and name != TRUTH]
    sampled = [name for name in strategies if not kinds[name]]
    energies = [_median(rows, "energy", strength=strength) for strength in strengths]
    table = markdown_table(
        ["strategy", *map(_named, strengths)],
        [
            *([name, *(upper(medians.of(name, s)) for s in strengths)] for name in strategies),
            ["noise, logits²", *energies],
        ],
    )
    number = len({row["model"] for row in rows})
    parts = [
        f"Certified failure rates, medians over the models made from {number} trained ones; each "
        "column but the first is of models made by training on, and bounds those, not the models "
        f"they were made from. Brute force is the truth of each.\n\n{table}\n"
    ]
    control, before = medians.of(TRUTH, 0.0), medians.of(TRUTH, UNTOUCHED)
    for name in proofs:
        best = min(penalised, key=lambda s, name=name: medians.of(name, s))
        plain, least = medians.of(name, 0.0), medians.of(name, best)
        change = _times(plain, least, "below") if least < plain else _times(least, plain, "above")
        parts.append(
            f"- `{name}` is best at strength {best:g}: {upper(least)}, {change} the control's. The "
            f"model is then wrong at a rate of {upper(medians.of(TRUTH, best))}, the control at "
            f"one of {upper(control)} and the untouched model at one of {upper(before)};"
        )
    worse = [s for s in penalised if medians.of(TRUTH, s) > control]
    parts.append(
        f"- the true failure rate is above the control's at {len(worse)} of the {len(penalised)} "
        f"strengths{': that is the price' if worse else ''};"
    )
    for name in sampled:
        own = [row for row in rows if row["strategy"] == name]
        listed = sum(row["guarantee"] == "deterministic" for row in own)
        if listed:
            parts.append(
                f"- in {listed} of the {len(own)} certificates of `{name}` the screen left no more "
                "inputs than there were forward passes, so that all were run and none sampled;"
            )
    parts.append(_trade(medians, proofs, sampled, penalised))
    return "\n".join(parts)


def _trade(medians: Medians, proofs: list[str], sampled: list[str], penalised: list[float]) -> str:
    """Editing and proving against leaving the model alone and sampling."""
    places = [(name, strength) for name in proofs for strength in penalised]
    proof, strength = min(places, key=lambda place: medians.of(*place))
    edited = medians.of(proof, strength)
    sampler = min(sampled, key=lambda name: medians.of(name, UNTOUCHED))
    left = medians.of(sampler, UNTOUCHED)
    if left < edited:
        verdict = f"The sampled bound is {_times(edited, left, 'below')} that of the edited model"
    else:
        verdict = (
            f"The bound of the edited model is {_times(left, edited, 'below')} the sampled one"
        )
    return (
        f"- editing against sampling: the best proof of an edited model is `{proof}` at strength "
        f"{strength:g} with {upper(edited)}, where the model is wrong at a rate of "
        f"{upper(medians.of(TRUTH, strength))}. Of the untouched model, wrong at a rate of "
        f"{upper(medians.of(TRUTH, UNTOUCHED))}, `{sampler}` certifies {upper(left)}. {verdict}; "
        "only the sampled one is about the model that was asked about."
    )


def _times(more: float, less: float, side: str) -> str:
    return f"{more / less:.3g} times {side}" if less > 0 else f"infinitely far {side}"


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
