"""What the paths of a network are called, for who only has to name them."""

from __future__ import annotations

from typing import Literal

TermName = Literal["qk", "ov", "direct"]
