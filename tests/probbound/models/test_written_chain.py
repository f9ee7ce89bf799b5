"""Chains of matrices as users write them: names, indices, transposes, other files."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound import UserError
from probbound.models.stored_arrays import Stored
from probbound.models.written_chain import chain_term, given_directions

ALL = slice(None)
RNG = np.random.default_rng(0)
ARRAYS = {
    "blocks.0.attn.W_Q": RNG.standard_normal((3, 6, 4)),
    "blocks.0.attn.W_K": RNG.standard_normal((3, 6, 4)).astype(np.float32),
    "W_dec": RNG.standard_normal((8, 6)).astype(np.float16),
    "odd[0].T": np.eye(6),
    "with:colon": np.eye(4),
    "NaN": np.full((6, 2), np.nan),
    "whole": np.ones((6, 2), dtype=np.int64),
    "none": np.ones((0, 6)),
    "vector": np.ones(6),
    "huge": np.full((6, 6), 1e200),
}


@pytest.fixture
def path(tmp_path):
    np.savez(tmp_path / "a.npz", **ARRAYS)
    return tmp_path / "a.npz"


def product(term):
    return term.remainder.tile(ALL, ALL)


def test_names_indices_and_transposes(path):
    q, k = (ARRAYS[f"blocks.0.attn.W_{part}"] for part in "QK")
    term = chain_term(path, "W_dec, blocks.0.attn.W_Q[1] ,blocks.0.attn.W_K[-1].T")
    expected = ARRAYS["W_dec"].astype(float) @ q[1] @ k[2].T
    np.testing.assert_allclose(product(term), expected, rtol=1e-12)
    assert term.name == "W_dec · blocks.0.attn.W_Q[1] · blocks.0.attn.W_K[-1].T"
    part = chain_term(path, "blocks.0.attn.W_Q[0,:,1:3],blocks.0.attn.W_K[2][:, 0:2].T")
    np.testing.assert_allclose(product(part), q[0, :, 1:3] @ k[2, :, :2].T, rtol=1e-6)


def test_a_name_that_looks_like_an_index_or_a_file_is_found_first(path):
    np.testing.assert_array_equal(product(chain_term(path, "odd[0].T")), np.eye(6))
    np.testing.assert_array_equal(product(chain_term(path, "with:colon")), np.eye(4))
    np.testing.assert_array_equal(product(chain_term(path, "with:colon[0:2]")), np.eye(4)[:2])


def test_a_chain_through_two_files(path, tmp_path):
    unembedding = RNG.standard_normal((6, 11))
    save_file({"unembed.W_U": unembedding}, tmp_path / "model.safetensors")
    expected = ARRAYS["W_dec"].astype(float) @ unembedding
    for chain in (f"W_dec,{tmp_path}/model.safetensors:unembed.W_U[:,0:11]",):
        np.testing.assert_allclose(product(chain_term(path, chain)), expected, rtol=1e-12)
    other = chain_term(tmp_path / "model.safetensors", f"{path}:W_dec,unembed.W_U")
    np.testing.assert_allclose(product(other), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("W_dek", "there is no array 'W_dek' in .*; names near it: W_dec$"),
        ("W_Q", "names near it: blocks.0.attn.W_Q"),
        ("nothing at all", "which holds blocks.0.attn.W_Q, blocks.0.attn.W_K, W_dec, …"),
        ("W_dec,W_dec", r"W_dec is 8 × 6 and W_dec, the next in the chain, 8 × 6.*transposes"),
        ("blocks.0.attn.W_Q", r"has shape \(3, 6, 4\); an index picks a part, as in .*W_Q\[0\]"),
        ("blocks.0.attn.W_Q.T", r"has shape \(3, 6, 4\); an index picks a part"),
        ("blocks.0.attn.W_Q[3]", r"there is no blocks.0.attn.W_Q\[3\].*shape \(3, 6, 4\)"),
        ("blocks.0.attn.W_Q[x]", r"is no index; whole numbers and ranges are"),
        ("vector", "vector is no matrix but has shape"),
        ("NaN", "NaN holds a NaN or an infinity"),
        ("whole", "whole holds int64; a chain is of floats"),
        ("none", "none is empty"),
        ("W_dec,,W_dec", "a chain is names with commas between"),
        ("", "a chain is names with commas between"),
        ("nofile.npz:W_dec", "there is no file nofile.npz"),
        ("huge", "too far from 1 for sound arithmetic"),
    ],
)
def test_what_is_no_chain_is_refused_in_a_sentence(path, chain, message):
    with pytest.raises(UserError, match=message) as refused:
        chain_term(path, chain)
    assert "\n" not in str(refused.value)


def test_nested_mappings_are_named_with_dots(tmp_path):
    torch = pytest.importorskip("torch")
    held = {"model": {"W_E": torch.ones(3, 2)}, "cfg": {"attn_scale": 2.0}}
    torch.save(held, tmp_path / "a.pth")
    stored = Stored.of(tmp_path / "a.pth")
    assert stored.matrix("model.W_E").shape == (3, 2)
    assert stored.settings["attn_scale"] == 2.0


def test_a_file_without_names_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save(torch.ones(3), tmp_path / "a.pth")
    with pytest.raises(UserError, match="holds no array that has a name"):
        Stored.of(tmp_path / "a.pth")


def test_directions_are_arrays_left_and_right(tmp_path):
    np.savez(tmp_path / "d.npz", right=np.eye(6)[:, :2])
    left, right = given_directions(tmp_path / "d.npz")
    assert left is None
    assert right is not None
    assert right.shape == (6, 2)
    np.savez(tmp_path / "e.npz", up=np.eye(2))
    with pytest.raises(UserError, match="neither left nor right"):
        given_directions(tmp_path / "e.npz")
