"""Repeats over seeds as a line in a band, and growth as an exponent with an interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator
from scipy import stats

from studies.study import Row

Points = Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Band:
    """Median, smallest and largest of the repeats at each x, in the order of x."""

    x: Points
    low: Points
    middle: Points
    high: Points


def band(rows: Iterable[Row], x: str, y: str, *, place: str | None = None) -> Band:
    """The repeats that share `place` (x itself by default), at the median of their x."""
    groups: dict[Any, list[tuple[float, float]]] = {}
    for row in rows:
        if row[x] is not None and row[y] is not None:
            groups.setdefault(row[place or x], []).append((row[x], row[y]))
    found = sorted(
        (float(np.median(xs)), float(min(ys)), float(np.median(ys)), float(max(ys)))
        for xs, ys in (zip(*pairs, strict=True) for pairs in groups.values())
    )
    return Band(*np.array(found, dtype=float).reshape(-1, 4).T)


def draw_band(axes: Axes, shown: Band, colour: str, marker: str, label: str, **line: Any) -> None:
    """The median as a line with marks, smallest to largest as a band."""
    axes.fill_between(shown.x, shown.low, shown.high, color=colour, alpha=0.18, lw=0)
    style: dict[str, Any] = {"lw": 1.2, "markersize": 5} | line
    axes.plot(shown.x, shown.middle, marker=marker, color=colour, label=label, **style)


def step_axis(axes: Axes, steps: list[int]) -> None:
    """Logarithmic, with room for the model before its first step."""
    first = min((step for step in steps if step > 0), default=1)
    powers = [10**n for n in range(10) if first <= 10**n <= steps[-1]]
    axes.set_xscale("symlog", linthresh=first, linscale=0.5)
    axes.set_xlim(-0.1 * first if steps[0] == 0 else 0.9 * first, 1.2 * steps[-1])
    axes.set_xticks([0, *powers] if steps[0] == 0 else powers)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("training steps")


@dataclass(frozen=True)
class Exponent:
    """y grows like x to the power `value`; the interval is the 95 % one of least squares."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} … {self.high:.2f})"


def exponent(x: Iterable[float], y: Iterable[float]) -> Exponent | None:
    """The slope of log y against log x; None of fewer than three points or two values of x.

    The interval treats deviations from the power law as independent normal errors: a description
    of the scatter, no certificate.
    """
    log_x, log_y = np.log(list(x)), np.log(list(y))
    if len(log_x) < 3 or np.ptp(log_x) == 0:
        return None
    (slope, _), covariance = np.polyfit(log_x, log_y, 1, cov=True)
    half = stats.t.ppf(0.975, len(log_x) - 2) * np.sqrt(covariance[0, 0])
    return Exponent(float(slope), float(slope - half), float(slope + half))
