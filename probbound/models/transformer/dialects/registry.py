"""The dialects that are read, in the order in which they are asked."""

from __future__ import annotations

from probbound.models.transformer.dialects.bert import DIALECT as BERT
from probbound.models.transformer.dialects.dialect import Dialect
from probbound.models.transformer.dialects.gemma import DIALECT as GEMMA
from probbound.models.transformer.dialects.gpt2 import DIALECT as GPT2
from probbound.models.transformer.dialects.gpt_neo import DIALECT as GPT_NEO
from probbound.models.transformer.dialects.gpt_neox import DIALECT as GPT_NEOX
from probbound.models.transformer.dialects.llama import DIALECT as LLAMA
from probbound.models.transformer.dialects.mistral import DIALECT as MISTRAL
from probbound.models.transformer.dialects.opt import DIALECT as OPT
from probbound.models.transformer.dialects.phi import DIALECT as PHI
from probbound.models.transformer.dialects.qwen2 import DIALECT as QWEN2
from probbound.models.transformer.dialects.transformer_lens import DIALECT as HOOKED
from probbound.models.transformer.dialects.transformer_lens_4 import DIALECT as BRIDGE
from probbound.models.transformer.dialects.transformer_lens_encoder import DIALECT as ENCODER
from probbound.models.transformer.dialects.unknown import DIALECT as UNKNOWN

DIALECTS: tuple[Dialect, ...] = (
    *(GPT2, GPT_NEO, GPT_NEOX, OPT, PHI, BERT, LLAMA, MISTRAL, QWEN2, GEMMA),
    *(HOOKED, BRIDGE, ENCODER),
    UNKNOWN,
)
