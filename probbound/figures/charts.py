"""How every figure looks: colours and markers per strategy, axes, and saving as PNG and SVG.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart; markers differ
too, so that nothing rests on colour alone.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, NullFormatter, NullLocator

from probbound.figures.ticks import log_ticks
from probbound.machine.files import write_atomically

BLACK, GREY = "#000000", "#6e6e6e"
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
AMBER, SKY, PINK = "#E69F00", "#56B4E9", "#CC79A7"
FAMILIES = {
    "brute-force": (BLACK, "*"),
    "proof": (BLUE, "osD^vPX<>hp"),
    "iid": (ORANGE, "sXPo"),
    "hybrid": (PINK, "D^vosPX<>hp"),
    "cascade": (GREEN, "^Dvo<>sPX"),
    "entries": (AMBER, "PXosD^v"),
    "auto": (SKY, "h"),
}
_EM, _GAP = 0.55, 0.5  # what a letter of a label and the space beside it take, in font sizes
LOOK: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "probbound",
}


@dataclass(frozen=True)
class Style:
    """A colour, which says the kind of strategy, and a marker (Matplotlib's letter), which one."""

    colour: str
    marker: str


def family_of(strategy: str) -> str:
    """The kind of a strategy: the part before the colon, or "proof" for a screen alone."""
    kind = strategy.partition(":")[0]
    return kind if kind in FAMILIES else "proof"


def styles(strategies: Iterable[str]) -> dict[str, Style]:
    """A style for each strategy, given in the order in which markers are dealt."""
    seen: Counter[str] = Counter()
    dealt = {}
    for strategy in dict.fromkeys(strategies):
        family = family_of(strategy)
        colour, markers = FAMILIES[family]
        dealt[strategy] = Style(colour, markers[seen[family] % len(markers)])
        seen[family] += 1
    return dealt


@contextmanager
def house_style() -> Iterator[None]:
    """Figures made inside this block have the house style."""
    with plt.rc_context(LOOK):
        yield


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write `stem`.png and `stem`.svg, each in one piece, and close the figure.

    The same figure gives the same bytes.

    Raises:
        UserError: if a file cannot be written.
    """
    paths = stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.svg")
    try:
        for path in paths:
            write_atomically(path, rendered(figure, path.suffix[1:]))
    finally:
        plt.close(figure)
    return paths


def rendered(figure: Figure, kind: str) -> bytes:
    """The figure as the bytes of a file of that kind, without a date."""
    drawn = io.BytesIO()
    readable_logs(figure)
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with plt.rc_context({key: LOOK[key] for key in ("svg.fonttype", "svg.hashsalt")}):
        figure.savefig(drawn, format=kind, dpi=150, metadata=metadata)
    return drawn.getvalue()


def readable_logs(figure: Figure) -> None:
    """At least two labels along every logarithmic axis, none touching another.

    An axis whose ticks were set by hand is left as it is.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log" and isinstance(axis.get_major_locator(), LogLocator):
                _label(axis, _LogTicks(axis))


class Zero(NamedTuple):
    """Where a logarithmic axis shows zero, and the least of what it shows to scale."""

    place: float
    least: float

    @property
    def start(self) -> float:
        """From where on numbers are written: halfway from the place of zero to the least."""
        return math.sqrt(self.place * self.least)

    @classmethod
    def below(cls, values: Iterable[float]) -> Zero:
        """Somewhat below the least positive of some values, or below 1 if none is."""
        positive = [value for value in values if value > 0] or [1.0]
        least = min(positive)
        return cls(least / 10 ** max(0.3, 0.15 * math.log10(max(positive) / least)), least)


def log_limits(values: Collection[float]) -> tuple[float, float]:
    """Limits of a logarithmic axis with room around positive values, also around a single one."""
    low, high = math.log10(min(values)), math.log10(max(values))
    pad = max(0.12, 0.05 * (high - low))
    return 10 ** (low - pad), 10 ** (high + pad)


def mark_zero(axis: Axis, zero: Zero) -> None:
    """Label the place of a logarithmic axis that stands for zero, and none close by."""
    _label(axis, _LogTicks(axis, zero))
    axis.set_minor_locator(NullLocator())


def _label(axis: Axis, ticks: _LogTicks) -> None:
    axis.set_major_locator(ticks)
    axis.set_major_formatter(FuncFormatter(ticks.label))
    axis.set_minor_formatter(NullFormatter())


class _LogTicks(Locator):
    """The ticks of `log_ticks`, for the size that the axis has when it is drawn."""

    def __init__(self, drawn: Axis, zero: Zero | None = None) -> None:
        self._drawn, self._zero = drawn, zero

    def __call__(self) -> list[float]:
        return self.tick_values(*sorted(self._drawn.get_view_interval()))

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """As Matplotlib asks of a locator."""
        return [value for value, _ in self._labelled(vmin, vmax)]

    def label(self, x: float, pos: int | None = None) -> str:
        """The label of a tick as mathematics."""
        shown = dict(self._labelled(*sorted(self._drawn.get_view_interval()))).get(x, "")
        raised = re.sub(r"\^(.*)", r"^{\1}", shown.replace("·", r"{\cdot}"))
        return f"${raised}$" if shown else ""

    def _labelled(self, low: float, high: float) -> list[tuple[float, str]]:
        axes, size = self._drawn.axes, self._drawn.get_major_ticks(1)[0].label1.get_fontsize()
        em = float(size) * axes.figure.dpi / 72  # in pixels
        start = low if self._zero is None else max(low, self._zero.start)
        shown = math.log(high / start) / math.log(high / low)  # the part that has ticks

        def length(text: str) -> float:
            if isinstance(self._drawn, XAxis):
                return (_EM * len(text) + _GAP) * em / axes.bbox.width / shown
            return (1 + _GAP) * em / axes.bbox.height / shown

        zero = [] if self._zero is None else [(self._zero.place, "0")]
        return [*zero, *log_ticks(start, high, length)]


def pareto(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other beats in both coordinates (smaller is better), by the first."""
    best, kept = math.inf, []
    for x, y in sorted(set(points)):
        if y < best:
            best = y
            kept.append((x, y))
    return kept


def shade_vacuous(axes: Axes, d_vocab: int) -> None:
    """Shade failure rates no better than those of an answer picked at random."""
    shade_above(axes, 1 - 1 / d_vocab, 4.0)


def shade_above(axes: Axes, level: float, top: float) -> None:
    """Shade the bounds from `level` to `top`, which say no more than guessing does."""
    axes.axhspan(level, top, color="#f2f2f2", zorder=0)
    axes.annotate(
        "says nothing",
        (0.99, level),
        xycoords=axes.get_yaxis_transform(),
        xytext=(0, 4),
        textcoords="offset points",
        ha="right",
        va="bottom",
        color=GREY,
        fontsize=8,
    )


def stairs(points: Sequence[tuple[float, float]], right: float) -> tuple[list[float], list[float]]:
    """A Pareto set as the outline of what it dominates, ending at `right`."""
    xs, ys = [], []
    for (x, y), (following, _) in zip(points, [*points[1:], (right, 0.0)], strict=True):
        xs += [x, following]
        ys += [y, y]
    return xs, ys
