"""Markdown of what a certificate says, which may be text of any origin."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence

_ESCAPED = str.maketrans({mark: "\\" + mark for mark in "\\`*_[]<>|#"} | {"\n": " ", "\r": " "})


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under their heads; cells are text of unknown origin."""
    lines = [heads, ["---"] * len(heads), *[[text(cell) for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def text(value: str) -> str:
    """Text of unknown origin, so that it can be nothing but text in Markdown."""
    kept = "".join(c for c in value if c.isprintable() or c in string.whitespace)
    return kept.translate(_ESCAPED)
