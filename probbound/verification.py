"""Re-checking a certificate by doing the work again from its recorded seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from probbound.certification import certify
from probbound.errors import UserError
from probbound.models.store import digest
from probbound.models.transformer import Transformer
from probbound.strategies.registry import AUTO
from probbound.tasks import MaxOfK

FLOAT_TOLERANCE = 1e-9
NOT_COMPARED = ("versions", "cost.seconds", "model.name")


def disagreements(stored: dict[str, Any], model: Transformer) -> list[str]:
    """Reasons why the certificate does not hold for `model`; empty if it holds.

    Everything but wall-clock seconds, versions and the model's name is recomputed and must
    agree: integers and text exactly, floats to a relative FLOAT_TOLERANCE.
    """
    claimed, actual = stored.get("model"), digest(model)
    sha256 = claimed.get("sha256") if isinstance(claimed, dict) else None
    if sha256 != actual:
        return [f"it is about a model with SHA-256 {sha256}, but {model.name} has {actual}"]
    try:
        claim = stored["claim"]
        again = certify(
            model,
            MaxOfK(claim["d_vocab"], claim["n_ctx"]),
            strategy=stored["strategy"],
            budget=stored["budget"],
            delta=AUTO if stored["delta_chosen"] else stored["delta"] or 0.5,
            seed=stored["seed"],
            grid_points=stored["grid_points"],
            target=stored["target"],
            draws=stored["draws"],
            budget_flops=stored["budget_flops"],
            stopped_at=stored["stopped_at"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        return [f"a field is missing or of the wrong type: {error}"]
    except UserError as error:
        return [f"its question cannot be asked: {error}"]
    return list(_differences(stored, again.to_json(), ""))


def _differences(stored: Any, again: Any, path: str) -> Iterator[str]:
    if path in NOT_COMPARED or path.endswith(".seconds"):
        return
    if isinstance(again, dict) and isinstance(stored, dict) and again.keys() == stored.keys():
        for key, value in again.items():
            yield from _differences(stored[key], value, f"{path}.{key}".lstrip("."))
    elif isinstance(again, list) and isinstance(stored, list) and len(again) == len(stored):
        for i, (old, new) in enumerate(zip(stored, again, strict=True)):
            yield from _differences(old, new, f"{path}[{i}]")
    elif not _same(stored, again):
        yield f"{path or 'the certificate'} says {stored!r}, recomputed it is {again!r}"


def _same(stored: Any, again: Any) -> bool:
    if isinstance(again, float) and isinstance(stored, float):
        return math.isclose(stored, again, rel_tol=FLOAT_TOLERANCE, abs_tol=0.0)
    return type(stored) is type(again) and stored == again
