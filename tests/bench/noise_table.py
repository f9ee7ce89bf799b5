"""The published noise table, reproduced on the shipped models: `python -m tests.bench.noise_table`.

Attention scores with the leading query and key directions peeled off all four factors, bounded
by the published methods. As published, scores are not divided by attn_scale.
"""

from __future__ import annotations

from probbound.arithmetic.decimals import upper
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.paths import noise_term
from probbound.models.registry import load
from probbound.noise.contract import Quantity, Settings
from probbound.noise.registry import noise_table

MODELS = ("max-of-4-published", *(f"max-of-4-s{seed}" for seed in range(5)))
METHODS = ("exact", "max-diff", "second-moments", "subproduct", "svd", "recursive")
HEADINGS = (
    "exact max row difference",
    "2 · largest entry",
    "second moments",
    "sub-product",
    "√2 σ₁",
    "recursive",
)


def rows(*, peel: bool = True) -> list[dict]:
    """One row a model, and a last one with the operations of each method.

    Without `peel` only the leading singular directions of the product are taken out.
    """
    found, flops = [], {}
    for name in MODELS:
        model = load(name)
        noise = noise_term(model, "qk", 1, peel=peel)
        settings = Settings(Stream.from_seed(0))
        bounds = noise_table(noise, [Quantity("largest-row-spread")], settings, METHODS)
        values = [row.bound * model.attn_scale for row in bounds]
        found.append({"name": name, **dict(zip(HEADINGS, values, strict=True))})
        flops = dict(zip(HEADINGS, (row.flops for row in bounds), strict=True))
    return [*found, {"name": "operations", **flops}]


def markdown(table: list[dict]) -> str:
    """The rows as a Markdown table."""
    lines = [f"| model | {' | '.join(HEADINGS)} |", "|---" * (1 + len(HEADINGS)) + "|"]
    for row in table:
        cells = [upper(v) if isinstance(v, float) else f"{v:,}" for v in list(row.values())[1:]]
        lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print("Leading directions peeled off every factor:\n")
    print(markdown(rows()))
    print("\nLeading singular directions of the product alone:\n")
    print(markdown(rows(peel=False)))
