"""Sizes of a network's matrices: of which, not below the norms, at the stated price."""

import numpy as np
import pytest

from probbound.models.transformer import sizing
from tests.counting import counted, counting
from tests.probbound.models.transformer.networks import network

WIDE = {"n_layers": 2, "windows": [None, None], "d_model": 40, "d_mlp": 90, "d_head": 12}


def test_every_matrix_but_the_unembedding_has_sizes_of_each_head_and_of_outputs_together():
    made = network(head="masked", **WIDE)
    found = sizing.sizes_of(made)
    names = {name for name in made.arrays if name.rpartition(".")[2].startswith("W")}
    assert set(found) == names - {"embed.W_E", "pos_embed.W_pos", "unembed.W_U"}
    for name, size in found.items():
        values = made.arrays[name]
        for ours, kept in ((size.spectral, values), (size.absolute, np.abs(values))):
            true = np.linalg.norm(kept, 2, axis=(-2, -1))
            assert ours.shape == true.shape
            assert (ours >= true * (1 - 1e-13)).all()
        assert (size.spectral <= 1.01 * np.linalg.norm(values, 2, axis=(-2, -1))).all()
        assert (size.whole is not None) == name.endswith("W_O")
        if size.whole is not None:
            whole = values.reshape(-1, values.shape[-1])
            true = np.linalg.norm(whole, 2)
            assert true * (1 - 1e-13) <= size.whole[0] <= 1.01 * true
            assert size.whole[1] >= np.linalg.norm(np.abs(whole), 2) * (1 - 1e-13)


def test_operations_are_those_that_numpy_does(monkeypatch):
    monkeypatch.setattr(sizing, "_KNOWN", {})
    made = network(head="masked", **WIDE)
    object.__setattr__(made, "arrays", {name: counted(x) for name, x in made.arrays.items()})
    with counting() as count:
        sizing.sizes_of(made)
    assert sizing.sizes_flops(made) == pytest.approx(count.floats, rel=0.02)


def test_sizes_of_the_same_numbers_are_found_once_and_of_altered_ones_anew(monkeypatch):
    found, sized = [], sizing._sized
    monkeypatch.setattr(sizing, "_KNOWN", {})
    monkeypatch.setattr(
        sizing, "_sized", lambda values, **how: found.append(values) or sized(values, **how)
    )
    made = network()
    first = sizing.sizes_of(made)
    assert len(found) == len(first) == 6
    arrays = dict(made.arrays)
    arrays["blocks.0.attn.W_O"] = 2 * arrays["blocks.0.attn.W_O"]
    other = type(made)(arrays, made.architecture)
    second = sizing.sizes_of(other)
    assert len(found) == 7
    assert second["blocks.0.attn.W_O"].spectral == pytest.approx(
        2 * first["blocks.0.attn.W_O"].spectral
    )
    assert sizing.sizes_flops(made, made) == sizing.sizes_flops(made)
    assert sizing.sizes_flops(made, other) - sizing.sizes_flops(made) > 0
    arrays["blocks.0.attn.W_O"] *= 3  # in place
    third = sizing.sizes_of(other)["blocks.0.attn.W_O"].spectral
    assert third == pytest.approx(6 * first["blocks.0.attn.W_O"].spectral)
