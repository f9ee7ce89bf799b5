"""Which sizes of a transformer a list shows; nothing heavy is loaded."""

from __future__ import annotations

SHOWN = ("n_layers", "n_ctx")
