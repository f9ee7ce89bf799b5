"""How many rows a second transformers answer in float64, plain and with radii, on JAX's device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import jax
import numpy as np

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.arrays import shapes
from probbound.models.transformer.flops import forward_flops
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.running import outcomes, outcomes_with_radii
from probbound.models.transformer.sizing import sizes_of

LENGTH, RUNS = 32, 3
SHAPES = {  # layers, heads, width, vocabulary, rows
    "toy": (2, 4, 64, 256, 2048),
    "MiniLM's": (6, 12, 384, 30_522, 256),
    "GPT-2 small's": (12, 12, 768, 50_257, 64),
}


def rows() -> list[dict]:
    """One row for each shape."""
    return [_row(name, *sizes) for name, sizes in SHAPES.items()]


def _row(name: str, layers: int, heads: int, width: int, vocabulary: int, number: int) -> dict:
    model = _random(layers, heads, width, vocabulary)
    tokens = np.random.default_rng(1).integers(0, vocabulary, (number, LENGTH))
    started = time.perf_counter()
    sizes = sizes_of(model)
    of_sizes = time.perf_counter() - started
    plain = _seconds(lambda: outcomes(model, tokens))
    return {
        "name": name,
        "device": jax.devices()[0].device_kind,
        "rows/s": number / plain,
        "GFLOP/s": number / plain * forward_flops(model, LENGTH) / 1e9,
        "radii over plain": _seconds(lambda: outcomes_with_radii(model, tokens, sizes)) / plain,
        "sizes of matrices, s": of_sizes,
    }


def _random(layers: int, heads: int, width: int, vocabulary: int) -> GeneralTransformer:
    made = Architecture(
        n_layers=layers,
        n_heads=heads,
        d_model=width,
        d_head=width // heads,
        d_mlp=4 * width,
        d_vocab=vocabulary,
        d_out=vocabulary,
        n_ctx=LENGTH,
        norm="layer",
        norm_eps=1e-5,
        final_norm=True,
        positions="learned",
        activation="gelu_tanh",
    )
    random = np.random.default_rng(0)
    arrays = {
        each: random.normal(shape.idle or 0.0, 0.02, shape.axes).astype(np.float32)
        for each, shape in shapes(made).items()
    }
    return GeneralTransformer(arrays, made)


def _seconds(run: Callable[[], object]) -> float:
    """The median of RUNS, after one that compiles."""
    run()
    found = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return statistics.median(found)
