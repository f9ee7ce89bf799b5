import tracemalloc

import numpy as np
import pytest

from probbound.noise.planted import planted
from probbound.noise.streamed import order_statistic, row_extremes

MATRIX = planted("heavy-tailed", 70, 90, 5).remainder
DENSE = MATRIX.tile(slice(None), slice(None))


@pytest.mark.parametrize("tile", [(1, 1), (7, 16), (256, 2048)])
def test_rows_do_not_depend_on_the_tiles(monkeypatch, tile):
    rows, columns = tile
    monkeypatch.setattr("probbound.noise.streamed._TILE_ROWS", rows)
    monkeypatch.setattr("probbound.noise.streamed._TILE_COLUMNS", columns)
    found = row_extremes(MATRIX, (1.0, 3.0), 1 << 20)
    np.testing.assert_allclose(found.largest, np.abs(DENSE).max(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found.spread, np.ptp(DENSE, axis=1), rtol=1e-12)
    for counts, threshold in zip(found.counts, (1.0, 3.0), strict=True):
        np.testing.assert_array_equal(counts, (np.abs(DENSE) > threshold).sum(axis=1))


@pytest.mark.parametrize("memory", [16, 4096, 1 << 24])
@pytest.mark.parametrize("level", [1e-9, 0.25, 0.5, 0.999, 1.0])
def test_order_statistics_at_any_memory(memory, level):
    value, passes = order_statistic(MATRIX, level, memory)
    size = np.sort(np.abs(DENSE), axis=None)
    expected = size[max(0, int(np.ceil(level * size.size)) - 1)]
    assert value == pytest.approx(expected, rel=1e-12)
    assert 1 <= passes <= 5
    assert (passes == 1) == (16 * size.size <= memory)


def test_memory_does_not_grow_with_the_number_of_entries():
    matrix = planted("gaussian", 1500, 1500, 2, structure_rank=0).remainder
    tracemalloc.start()
    row_extremes(matrix, (1.0,), 1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 << 20 < 8 * matrix.size
