"""What a transformer gives is what the page says, in every arithmetic and however it is cut."""

import numpy as np
import pytest

import probbound
from probbound.check.models.transformer.network import Network
from probbound.models.transformer import running
from probbound.models.transformer.network import require_rows
from probbound.models.transformer.running import activations, everywhere, outcomes
from tests.probbound.check.models.transformer import exact
from tests.probbound.check.models.transformer.networks import (
    CASES,
    ROW,
    random_arrays,
    stated,
    weights,
)
from tests.probbound.models.transformer.networks import WAYS, network, run_in


@pytest.mark.parametrize(("case", "way"), WAYS)
def test_every_position_is_as_by_loops_and_as_the_checker_has_it(case, way):
    said = stated(**CASES[case])
    made = network(len(case), **CASES[case])
    with run_in(way):
        found = everywhere(made, np.array([ROW]))[0]
    wanted = exact.outcomes(said, random_arrays(said, len(case)), ROW)
    np.testing.assert_allclose(found, np.array(wanted, dtype=np.float64), rtol=0, atol=1e-12)
    twin = Network(weights(said, random_arrays(said, len(case))))
    np.testing.assert_allclose(found, twin.outcomes(np.array([ROW]))[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("case", ["layer norm", "as Gemma 2", "masked"])
def test_the_last_position_is_one_of_all_and_float32_is_near(case):
    made = network(**CASES[case])
    rows = np.array([ROW])
    with run_in("by operations"):
        found, rounded = outcomes(made, rows), outcomes(made, rows, np.float32)
        np.testing.assert_allclose(found, everywhere(made, rows)[:, -1], atol=1e-13)
    assert rounded.dtype == np.float32
    np.testing.assert_allclose(rounded, found, atol=1e-4)


def test_chunks_of_rows_change_nothing(monkeypatch):
    made = network(**CASES["grouped"])
    rows = np.random.default_rng(0).integers(0, 7, (37, 5))
    whole = outcomes(made, rows)
    np.testing.assert_allclose(whole, everywhere(made, rows)[:, -1], atol=1e-13)
    monkeypatch.setattr(running, "CHUNK_BYTES", 1 << 12)
    assert running.rows_at_once(made.architecture, 5) < 37
    np.testing.assert_allclose(outcomes(made, rows), whole, atol=1e-13)
    assert outcomes(made, rows[:0]).shape == (0, 6)


def test_later_tokens_do_not_change_earlier_positions():
    made = network(**CASES["rotary"])
    first = everywhere(made, np.array([[1, 2, 3, 4, 5]]))
    second = everywhere(made, np.array([[1, 2, 3, 6, 6]]))
    np.testing.assert_allclose(first[:, :3], second[:, :3], atol=1e-14)
    assert np.abs(first[:, 3:] - second[:, 3:]).min() > 1e-6


def test_activations_go_by_their_names():
    made = network(**{**CASES["windows"], "activation": "relu"})
    found = activations(made, np.array([ROW]), lambda name: "hook_" in name)
    assert found["hook_embed"].shape == (1, 5, 4)
    pattern = found["blocks.0.attn.hook_pattern"]
    np.testing.assert_allclose(pattern.sum(axis=-1), 1.0)
    away = np.arange(5)[:, None] - np.arange(5)[None]
    assert (pattern[..., (away < 0) | (away >= 2)] == 0).all()
    before, after = found["blocks.1.mlp.hook_pre"], found["blocks.1.mlp.hook_post"]
    np.testing.assert_array_equal(np.maximum(before, 0), after)
    stream = found["blocks.0.hook_resid_post"]
    np.testing.assert_array_equal(stream, found["blocks.1.hook_resid_pre"])
    only = activations(made, np.array([ROW]), lambda name: name == "blocks.1.attn.hook_z")
    assert list(only) == ["blocks.1.attn.hook_z"]


@pytest.mark.parametrize(
    "rows", [[[0, 7]], [[-1, 0]], [[0.5, 1]], [0, 1], [[0] * 6], np.zeros((1, 0), int)]
)
def test_rows_that_it_does_not_read_are_refused(rows):
    with pytest.raises(probbound.UserError):
        require_rows(network(), rows)
