"""What sampling and sketching say beside the published table, with the truth next to each."""

from __future__ import annotations

import math

from probbound.arithmetic.decimals import upper
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.paths import noise_term
from probbound.models.registry import load
from probbound.noise.contract import Quantity, Settings
from probbound.noise.registry import noise_table
from tests.bench.noise_table import MODELS

BUDGETS = {**dict.fromkeys(MODELS, 1_000), "max-of-4-v1024": 100_000}
DELTA = 1e-6


def rows() -> list[dict]:
    """Peeled attention scores at δ = 1e-6: a spread by sketch, a quantile and a share by entries.

    Scores are not divided by attn_scale, as in the published table.
    """
    found = []
    for name, budget in BUDGETS.items():
        model = load(name)
        noise = noise_term(model, "qk", 1, peel=True)
        threshold = 3 * noise.remainder.frobenius() / math.sqrt(noise.remainder.size)
        settings = Settings(Stream.from_seed(0), budget, math.log(DELTA))
        quantities = (
            (Quantity("largest-row-spread"), "sketch", model.attn_scale),
            (Quantity("quantile", level=0.9), "entries", model.attn_scale),
            (Quantity("share-above", threshold=threshold), "entries", 1.0),
            (Quantity("share-above", threshold=threshold), "norm-screen", 1.0),
        )
        cells: dict[str, float | str] = {"name": name, "entries": budget}
        for quantity, method, unit in quantities:
            row = noise_table(noise, [quantity], settings, [method], exact=True)[0]
            cells[f"{quantity.name} by {method}"] = upper(row.bound * unit)
            cells[f"{quantity.name}, truth"] = (row.truth or 0.0) * unit
        found.append(cells)
    return found
