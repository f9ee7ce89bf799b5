"""Is the certified failure rate of a screen and n forward passes really (uncertified mass) × 1/n?

A screen leaves a share M of the inputs, n of these are run, and with confidence 1 - δ the failure
rate is at most M·U(k, n, δ), k of the n being wrong. Without a wrong one that is M·(1 - δ^(1/n)),
about M·ln(1/δ)/n: proof and sample multiply. Where does that end?
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from probbound.arithmetic.decimals import upper
from probbound.figures.charts import BLACK, BLUE, GREEN, ORANGE, PINK
from studies.bands import exponent
from studies.grids import BRUTE_FORCE, certified_rows, truths
from studies.study import Row, Study

LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "D"), (PINK, "^"))


@dataclass(frozen=True)
class Grid:
    """Grids of sweeps: hybrids, and brute force of the same models for the truth."""

    grids: tuple[Mapping[str, Any], ...]


def measure(grid: Grid, work: Path) -> list[Row]:
    """One row per certificate that sampled; `expected` wrong inputs among the n."""
    rows = certified_rows(grid.grids, work)
    truth = truths(rows)
    found = []
    for row in rows:
        if row["strategy"] == BRUTE_FORCE or not row["samples"]:
            continue
        mass, n, wrong = 1 - row["certified_mass"], row["samples"], truth[row["model"]]
        found.append(
            {
                **{key: row[key] for key in ("model", "strategy", "delta", "seed")},
                "n": n,
                "wrong_seen": row["failures"],
                "listed": row["guarantee"] == "deterministic",
                "uncertified_mass": mass,
                "truth": wrong,
                "expected_wrong": n * wrong / mass,
                "predicted": -mass * math.expm1(math.log(row["delta"]) / n),
                "certified": row["failure_upper"],
            }
        )
    return found


def draw(rows: list[Row]) -> Figure:
    """Certified rates beside the law, and their ratio against the wrong inputs expected."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.6, 4.4), layout="constrained")
    sampled = [row for row in rows if not row["listed"]]
    shown = dict.fromkeys(row["strategy"] for row in sampled)
    for strategy, (colour, marker) in zip(shown, itertools.cycle(LOOKS), strict=False):
        own = [row for row in sampled if row["strategy"] == strategy]
        style: dict[str, Any] = {"marker": marker, "s": 16, "color": colour, "alpha": 0.6, "lw": 0}
        scaled = [row["certified"] / row["uncertified_mass"] for row in own]
        left.scatter([row["n"] for row in own], scaled, label=strategy, **style)
        ratios = [row["certified"] / row["predicted"] for row in own]
        right.scatter([max(row["expected_wrong"], 1e-4) for row in own], ratios, **style)
    ends = np.geomspace(min(r["n"] for r in sampled), max(r["n"] for r in sampled), 50)
    for place, delta in enumerate(sorted({row["delta"] for row in sampled})):
        left.plot(ends, -np.expm1(np.log(delta) / ends), color=BLACK, lw=1)
        at = (ends[30], -math.expm1(math.log(delta) / ends[30]))
        beside = {"xytext": (-5, -9), "ha": "right"} if place else {"xytext": (5, 5), "ha": "left"}
        left.annotate(f"δ = {delta:g}", at, textcoords="offset points", fontsize=8, **beside)
    left.set(xscale="log", yscale="log", xlabel="forward passes n")
    left.set_ylabel("certified failure rate ÷ uncertified mass")
    left.legend(fontsize=8)
    right.axhline(1, color=BLACK, lw=1)
    right.set(xscale="log", yscale="log", ylabel="certified ÷ predicted by the law")
    right.set_xlabel("wrong inputs expected among the n (leftmost: 1e-4 or less)")
    figure.suptitle("Uncertified mass × 1/n holds until the sample meets a wrong input")
    return figure


def found(rows: list[Row]) -> str:
    """The exponent in n before wrong inputs are met, and what is lost after."""
    sampled = [row for row in rows if not row["listed"]]
    before = [row for row in sampled if row["expected_wrong"] < 0.1]
    many = [row for row in before if row["n"] >= 10 * -math.log(row["delta"])]
    slope = exponent(
        (row["n"] for row in many),
        (row["certified"] / row["uncertified_mass"] / -math.log(row["delta"]) for row in many),
    )
    parts = [
        f"Over {len(sampled)} certificates with uncertified masses from "
        f"{upper(min(r['uncertified_mass'] for r in sampled), 2)} to "
        f"{upper(max(r['uncertified_mass'] for r in sampled), 2)}:"
    ]
    if before:
        clean = sum(row["wrong_seen"] == 0 for row in before)
        ratios = [row["certified"] / row["predicted"] for row in before]
        growth = f"n to the power {slope} for n >= 10 ln(1/δ), and " if slope else ""
        parts.append(
            f"- where less than a tenth of a wrong input is expected ({len(before)} of them, "
            f"{clean} saw none), the certified rate over mass goes like {growth}is "
            f"{np.median(ratios):.3f} times the law in the median, {max(ratios):.2f} at worst;"
        )
    for low, high in ((0.1, 1), (1, 10), (10, 100), (100, math.inf)):
        own = [row for row in sampled if low <= row["expected_wrong"] < high]
        if own:
            ratio = np.median([row["certified"] / row["predicted"] for row in own])
            over = np.median([row["certified"] / row["truth"] for row in own])
            until = f"{low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
            parts.append(
                f"- {until} wrong ones expected ({len(own)}): {ratio:.1f} times the law, "
                f"{over:.2f} times the truth;"
            )
    parts.append(
        "- so the law is a law of *no wrong input seen*: mass and 1/n multiply until "
        "n ≈ mass ÷ truth, and from there more samples only close in on the truth, with a relative "
        "excess that falls like one over the root of the number of wrong inputs seen. A better "
        "screen moves that point to the left: samples run out of use sooner, at a lower rate each."
    )
    listed = len(rows) - len(sampled)
    if listed:
        parts.append(
            f"- {listed} more were not sampled at all: what the screen left was no more than n, so "
            "that it was listed and the bound is the truth."
        )
    return "\n".join(parts)


STUDY = Study(__doc__ or "", Grid, measure, draw, found)
