"""Certificates changed after they were made, by somebody who makes digest and hex fit again."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from probbound.certificates.format import sealed, statement
from probbound.check.document import predicate_of

ALTERED: dict[str, tuple[tuple[str | int, ...], Callable[[Any], Any]]] = {
    "certified mass": (("proof", "certified_mass"), lambda x: 1 - (1 - x) * 0.99),
    "share": (("levels", 0, "share_upper"), lambda x: x * 0.99),
    "failures": (("sampling", "failures"), lambda x: x - 1),
    "samples": (("sampling", "samples"), lambda x: x + 1),
    "draws": (("sampling", "draws"), lambda x: x + 1),
    "bound": (("bound",), lambda x: 1 - (1 - x) * 0.99),
    "failure_upper": (("failure_upper",), lambda x: x * 0.99),
    "delta": (("delta",), lambda x: x / 2),
    "the screen": (("levels", 0, "check"), lambda x: "cubic" if x != "cubic" else "sub-cubic"),
    "what was chosen": (("chosen",), lambda x: x.partition(":")[0] + ":low-rank-qk"),
}


def altered(
    predicate: dict[str, Any], path: tuple[str | int, ...], change: Callable[[Any], Any]
) -> dict[str, Any]:
    """A copy with one place changed."""
    found = copy.deepcopy(predicate)
    *outer, last = path
    inner: Any = found
    for key in outer:
        inner = inner[key]
    inner[last] = change(inner[last])
    return found


def resealed(predicate: dict[str, Any]) -> dict[str, Any]:
    """With digest and hex that fit, through JSON."""
    fields = {k: v for k, v in predicate.items() if k not in ("hex", "self_sha256")}
    return predicate_of(json.loads(json.dumps(statement(sealed(fields)))))
