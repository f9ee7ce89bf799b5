import numpy as np
import pytest

from probbound import UserError
from probbound.noise.planted import KINDS, planted, spike_position

ALL = slice(None)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_what_the_structure_leaves(kind):
    term = planted(kind, 40, 30, 5, seed=1, structure_rank=2)
    assert np.linalg.matrix_rank(term.structure.tile(ALL, ALL), tol=1e-8) == 2
    again = planted(kind, 40, 30, 5, seed=1, structure_rank=2)
    np.testing.assert_array_equal(again.remainder.tile(ALL, ALL), term.remainder.tile(ALL, ALL))
    other = planted(kind, 40, 30, 5, seed=2, structure_rank=2)
    assert np.any(other.remainder.tile(ALL, ALL) != term.remainder.tile(ALL, ALL))


def test_the_kinds_are_what_they_say():
    entries = {
        kind: planted(kind, 400, 400, 8, structure_rank=0).remainder.tile(ALL, ALL)
        for kind in KINDS
    }
    size = {kind: np.abs(matrix) for kind, matrix in entries.items()}
    ratio = {kind: s.max() / np.sqrt((s**2).mean()) for kind, s in size.items()}
    assert ratio["gaussian"] < 10 < ratio["heavy-tailed"]
    i, j = np.unravel_index(size["spike"].argmax(), (400, 400))
    assert (i, j) == spike_position(400, 400)
    assert np.sort(size["spike"], axis=None)[-2] < 10
    values = np.linalg.svd(entries["coherent"], compute_uv=False)
    assert values[0] > 50 * values[1]
    assert (size["block-sparse"] == 0).mean() == pytest.approx(7 / 8, abs=0.02)


def test_the_spike_is_exactly_as_high_as_asked():
    term = planted("spike", 9, 9, 1, spike=7.0)
    entries = term.remainder.tile(ALL, ALL)
    assert entries[spike_position(9, 9)] == 7.0
    assert np.count_nonzero(entries) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("gaussian", 0, 3, 2), "at least 1"), (("gaussian", 3, 3, 0), "at least 1")],
)
def test_misuse_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        planted(*arguments)
