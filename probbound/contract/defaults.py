"""What is taken where nothing is asked for."""

from __future__ import annotations

DEFAULT_BUDGET = 10_000
DEFAULT_DELTA = 1e-6
AUTO = "auto"  # let a plan decide
