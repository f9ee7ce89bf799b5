"""Which sizes of a transformer a list shows; nothing heavy is loaded."""

from __future__ import annotations

SHOWN = ("n_layers", "n_heads", "d_model", "d_vocab", "n_ctx")
