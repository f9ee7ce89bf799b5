"""Weights in files of probbound's own, whose header says what digest they have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import probbound
from probbound.check.models.registry import read_weights
from probbound.check.report import Unusable
from probbound.machine.errors import UserError
from probbound.models.store import read_model, save_model
from tests.factories import copying_model
from tests.probbound.models.pair_mlp.networks import random_network

NETWORKS = {
    "attention-only": lambda: copying_model(1),
    "pair-mlp": lambda: random_network("biased", 4, 5, np.float64),
}
SHIPPED = sorted((Path(probbound.__file__).parent / "models" / "shipped").glob("*.safetensors"))


@pytest.mark.parametrize("kind", NETWORKS)
def test_weights_with_another_digest_than_their_header_s_are_refused_by_both(tmp_path, kind):
    model, path = NETWORKS[kind](), tmp_path / "model.safetensors"
    save_model(model, path)
    said = read_weights(path).digest()
    path.write_bytes(path.read_bytes().replace(said.encode(), b"0" * 64))
    with pytest.raises(Unusable, match="its header says that its weights have the digest 000"):
        read_weights(path)
    with pytest.raises(UserError, match="do not match"):
        read_model(path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_headers_of_shipped_models_are_those_of_their_weights(path):
    assert len(read_weights(path).digest()) == 64
