"""Where the circuits of a map begin and end, for who only has to name it."""

from __future__ import annotations

from typing import Literal

Ends = Literal["tokens", "stream"]
