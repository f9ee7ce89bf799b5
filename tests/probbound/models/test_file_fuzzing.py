"""Damaged model files: one sentence, or weights that were checked; never anything else."""

import io
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import WEIGHT_SHAPES, Transformer
from probbound.models.store import read_model, save_model
from tests.factories import random_model

KINDS = ("ours.safetensors", "theirs.safetensors", "m.npz")


def written(path, kind):
    model = random_model(0, d_vocab=3, n_ctx=2)
    weights = {name: np.asarray(getattr(model, name)) for name in WEIGHT_SHAPES}
    if kind == "ours.safetensors":
        save_model(model, path)
    elif kind == "theirs.safetensors":
        save_file(weights, path)
    else:
        np.savez(path, allow_pickle=False, **weights)
    return path.read_bytes()


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut out, doubled, or cut off, most of them where the headers are."""
    kept, size = bytearray(data), len(data)
    for _ in range(rng.integers(1, 4)):
        near_header = rng.random() < 0.7
        at = int(rng.integers(min(size, 400) if near_header else size))
        kind = rng.integers(5)
        if kind == 0:
            kept[at % len(kept)] = int(rng.integers(256))
        elif kind == 1:
            kept[at % len(kept)] ^= 1 << int(rng.integers(8))
        elif kind == 2:
            kept[at : at + int(rng.integers(1, 20))] = b""
        elif kind == 3:
            kept[at:at] = kept[at : at + int(rng.integers(1, 20))]
        else:
            kept[at : at + 8] = int(rng.integers(1 << 62)).to_bytes(8, "little")
        if not kept:
            return b""
    return bytes(kept[: rng.integers(1, len(kept) + 1)] if rng.random() < 0.1 else kept)


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused_or_harmless(tmp_path, kind):
    refused = fuzz(tmp_path, kind, range(600))
    assert refused > 150


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_much_damage_is_refused_or_harmless(tmp_path, kind):
    fuzz(tmp_path, kind, range(1000, 21000))


def fuzz(tmp_path, kind, seeds):
    data = written(tmp_path / kind, kind)
    read_model(tmp_path / kind)
    sentences, path = [], tmp_path / f"damaged-{kind}"
    for seed in seeds:
        path.write_bytes(damaged(data, np.random.default_rng(seed)))
        try:
            assert isinstance(read_model(path), Transformer)
        except UserError as error:
            sentences.append(str(error))
    assert not any("\n" in sentence for sentence in sentences)
    return len(sentences)


@pytest.mark.parametrize("name", ["blocks.0.mlp.W_in", "blocks.1.attn.W_Q", "ln_final.w", "extra"])
def test_weights_that_would_not_be_used_are_refused(tmp_path, name):
    model = random_model(0)
    weights = {w: np.asarray(getattr(model, w)) for w in WEIGHT_SHAPES}
    np.savez(tmp_path / "m.npz", allow_pickle=False, **weights, **{name: np.ones((2, 2))})
    with pytest.raises(UserError, match=name):
        read_model(tmp_path / "m.npz")


def test_an_npz_that_claims_more_than_it_holds_is_refused_before_allocating(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**7, 10**6)}
    )
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr("W_E.npy", header.getvalue() + b"\0" * 64)
    with pytest.raises(UserError, match="shorter than its header"):
        read_model(tmp_path / "m.npz")
