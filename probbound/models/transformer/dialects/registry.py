"""The dialects that are read."""

from __future__ import annotations

from probbound.models.transformer.dialects.dialect import Dialect
from probbound.models.transformer.dialects.gpt2 import DIALECT as GPT2

DIALECTS: tuple[Dialect, ...] = (GPT2,)
