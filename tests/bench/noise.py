"""Speed and reach of the sampled methods, against the machine and the exact computation.

The size of the large head and those of the growth table can be given in the environment:
PROBBOUND_BENCH_V (50257), PROBBOUND_BENCH_GROWTH (64 to 131072, separated by commas),
PROBBOUND_BENCH_EXACT (16384: the largest size of the table at which every entry is evaluated).
"""

from __future__ import annotations

import functools
import math
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from probbound.arithmetic.factored import FactoredMatrix
from probbound.draws.random_streams import Stream
from probbound.noise.contract import NoiseBound, Quantity, Settings
from probbound.noise.planted import planted
from probbound.noise.registry import METHODS
from probbound.noise.sampled.entries import gathered
from probbound.noise.sampled.tiles import SingleFactors, tile_counts
from probbound.noise.term import NoiseTerm

DELTA, INNER, RUNS = 1e-6, 64, 5
STREAM = Stream.from_seed(0)
LARGE = int(os.environ.get("PROBBOUND_BENCH_V", "50257"))
GROWTH = tuple(
    int(v)
    for v in os.environ.get("PROBBOUND_BENCH_GROWTH", "64,256,1024,4096,16384,65536,131072").split(
        ","
    )
)
LARGEST_EXACT = int(os.environ.get("PROBBOUND_BENCH_EXACT", "16384"))
LARGE_BUDGET = 100_000_000
GROWTH_BUDGETS = defaultdict(lambda: 1_000_000, tiles=30_000_000, rows=10_000_000)
THRESHOLDS = (3.0, 4.0)


def rows() -> list[dict]:
    """Rates, the large head, four factors, and the growth table."""
    return [*_rates(), *_large_head(), *_four_factors(), *_growth()]


def _row(
    name: str,
    seconds: float,
    *,
    rate: float | str = "",
    effective: float | str = "",
    bound: float | str = "",
    reference: float | str = "",
    ratio: float | str = "",
) -> dict:
    return {
        "name": name,
        "seconds": seconds,
        "entries/s": rate,
        "effective/s": effective,
        "bound": bound,
        "reference": reference,
        "ratio": ratio,
    }


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _medians(*calls: Callable[[], object]) -> list[float]:
    """Median seconds of each, the calls taken in turn."""
    for call in calls:
        call()
    times = [[_seconds(call) for call in calls] for _ in range(RUNS)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def _rates() -> list[dict]:
    """Tiles against one large product in single precision; gathers against copying memory."""
    from estimators import tiles

    matrix = _head(LARGE).remainder.two_factor()
    singles = SingleFactors.of(matrix, matrix.entry_error())
    side, count, single = 64, 10_000, 1_000_000
    block, out = 4096, np.empty((4096, 4096), dtype=np.float32)
    rows, columns = singles.left[:block], singles.right[:block].T
    i, j = STREAM.integers(0, 2 * single, LARGE).reshape(2, -1)
    source, target = np.ones((2, 1 << 24))
    product, tiled, plain, copy = _medians(
        lambda: np.matmul(rows, columns, out=out),
        lambda: tile_counts(singles, STREAM, side, count, THRESHOLDS[0]),
        lambda: gathered(matrix, i, j),
        lambda: np.copyto(target, source),
    )
    counts = tile_counts(singles, STREAM, side, count, THRESHOLDS[0])
    entries, worth = count * side**2, tiles.effective_cells(counts, side)
    bandwidth = 2 * source.nbytes / copy
    allowed = bandwidth / (2 * 8 * INNER)
    largest = len(rows) * columns.shape[1] / product
    return [
        _row(f"one product, d = {INNER}, float32", product, rate=largest),
        _row(
            "tiles of 64 × 64; ratio to the product",
            tiled,
            rate=entries / tiled,
            effective=worth / tiled,
            reference=largest,
            ratio=entries / tiled / largest,
        ),
        _row(
            f"gathered entries; ratio of what {bandwidth / 1e9:.3g} GB/s allow",
            plain,
            rate=single / plain,
            effective=single / plain,
            reference=allowed,
            ratio=allowed * plain / single,
        ),
    ]


@functools.cache
def _head(v: int) -> NoiseTerm:
    return planted("gaussian", v, v, INNER, structure_rank=0)


def _bounds(method: str, term: NoiseTerm, quantities: list[Quantity], budget: int):
    settings = Settings(STREAM, budget, math.log(DELTA))
    return METHODS[method].bounds(term, quantities, settings)


def _large_head() -> list[dict]:
    """The share above two thresholds: every entry streamed, once, and tiles, medians."""
    term = _head(LARGE)
    quantities = [Quantity("share-above", threshold=t) for t in THRESHOLDS]
    started = time.perf_counter()
    truths = [row.bound for row in _bounds("exact", term, quantities, 0)]
    exact = time.perf_counter() - started
    found = [_row(f"v = {LARGE:,}: every entry, {len(THRESHOLDS)} thresholds at once", exact)]
    for method, budget in (("tiles", LARGE_BUDGET), ("entries", 1_000_000)):
        call = functools.partial(_bounds, method, term, quantities, budget)
        (seconds,) = _medians(call)
        for row, truth in zip(call(), truths, strict=True):
            found.append(
                _row(
                    f"  {method}, {budget:,} entries: {row.quantity}, excess "
                    f"{row.bound - truth:.2e}; ratio of seconds for all thresholds",
                    seconds,
                    bound=row.bound,
                    reference=truth,
                    ratio=exact / seconds,
                )
            )
    found.append(_row(f"  peak memory of tiles: {_peak_mebibytes():.0f} MiB", 0.0))
    return found


def _peak_mebibytes() -> float:
    """Of a fresh process that builds the factors and bounds the share by tiles."""
    code = (
        "import resource\n"
        "from probbound.noise.contract import Quantity\n"
        "from tests.bench.noise import LARGE, LARGE_BUDGET, _bounds, _head\n"
        "q = [Quantity('share-above', threshold=3.0)]\n"
        "_bounds('tiles', _head(LARGE), q, LARGE_BUDGET)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(run.stdout) / 1024


def _four_factors(v: int = 4096, d: int = 256) -> list[dict]:
    """Row spread of a product of four Gaussian factors, against multiplying it out."""
    rng = np.random.default_rng(0)
    shapes = ((v, d), (d, d), (d, d), (d, v))
    matrix = FactoredMatrix(*(rng.standard_normal(s) / math.sqrt(d) for s in shapes))
    term = NoiseTerm.whole(matrix)
    quantity = Quantity("largest-row-spread")
    methods = ("sketch", "second-moments", "svd", "subproduct", "frobenius")

    def multiplied_out() -> float:
        left, right = matrix.two_factor().factors
        product = left @ right
        return float((product.max(axis=1) - product.min(axis=1)).max())

    calls = [functools.partial(_bounds, name, term, [quantity], 0) for name in methods]
    full, *seconds = _medians(multiplied_out, *calls)
    flops = matrix.two_factor_flops() + 2 * d * v * v
    found = [_row("four factors, v = 4096, d = 256: multiplied out", full, bound=multiplied_out())]
    for name, spent, call in zip(methods, seconds, calls, strict=True):
        row = call()[0]
        found.append(
            _row(
                f"  {name}: {100 * row.flops / flops:.2g} % of the FLOPs; ratio of the seconds",
                spent,
                bound=row.bound,
                reference=full,
                ratio=spent / full,
            )
        )
    return found


def _growth() -> list[dict]:
    """Every method on a share and a maximum, at sizes from small to large, once each."""
    share, spread = Quantity("share-above", threshold=3.0), Quantity("largest-row-spread")
    found = []
    for v in GROWTH:
        term = planted("gaussian", v, v, INNER, structure_rank=0)
        for quantity in (share, spread):
            for name, method in METHODS.items():
                if quantity.name not in method.quantities:
                    continue
                if method.streams and v > LARGEST_EXACT:
                    continue
                row: NoiseBound = _bounds(name, term, [quantity], GROWTH_BUDGETS[method.name])[0]
                found.append(
                    _row(
                        f"v = {v:,} {quantity.name} {name}",
                        row.seconds,
                        rate=row.entries / row.seconds,
                        bound=row.bound,
                    )
                )
    return found
