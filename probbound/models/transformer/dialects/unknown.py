"""Checkpoints of Hugging Face that no dialect reads, refused by what they say they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.dialects.dialect import Dialect, Settings, Shapes, Step

_TELLING = (".q_proj.weight", ".attention.self.query.weight", ".query_key_value.weight")


def _speaks(names: Collection[str], settings: Settings) -> bool:
    return "model_type" in settings or any(name.endswith(_TELLING) for name in names)


def _architecture(settings: Settings, shapes: Shapes) -> Architecture:
    said = settings.get("model_type")
    if said is None:
        raise UserError(
            "its arrays have names of Hugging Face, which do not tell their network; give its "
            "folder, or its configuration: --config config.json"
        )
    raise UserError(
        f"its configuration says model_type = {str(said)[:60]!r}, and of those read are "
        "bert, gemma, gpt2, gpt_neo, gpt_neox, llama, mistral, opt, phi and qwen2"
    )


def _steps(a: Architecture) -> Iterator[Step]:
    yield from ()


def _idle(name: str) -> bool:
    return False


DIALECT = Dialect("a checkpoint of Hugging Face", _speaks, (), _architecture, _steps, _idle)
