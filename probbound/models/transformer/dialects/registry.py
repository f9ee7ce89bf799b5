"""The dialects that are read."""

from __future__ import annotations

from probbound.models.transformer.dialects.dialect import Dialect
from probbound.models.transformer.dialects.gpt2 import DIALECT as GPT2
from probbound.models.transformer.dialects.transformer_lens import DIALECT as HOOKED
from probbound.models.transformer.dialects.transformer_lens_4 import DIALECT as BRIDGE
from probbound.models.transformer.dialects.transformer_lens_encoder import DIALECT as ENCODER

DIALECTS: tuple[Dialect, ...] = (GPT2, HOOKED, BRIDGE, ENCODER)
