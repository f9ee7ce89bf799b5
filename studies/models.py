"""Models of any size by name: shipped, planted, or trained when first asked for and then kept."""

from __future__ import annotations

import re
from pathlib import Path

from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import Transformer
from probbound.models.recipes import recipe_named
from probbound.models.registry import load
from probbound.models.store import read_model, renamed, save_model
from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.max_of_k.task import MaxOfK
from probbound.tasks.max_of_k.training import train

_NAME = re.compile(
    r"(?P<kind>planted|trained)-max-of-(?P<n_ctx>\d+)-v(?P<d_vocab>\d+)-d(?P<d_model>\d+)"
    r"-s(?P<seed>\d+)(-(?P<steps>\d+)-steps)?"
)
RECIPE = "longer"


def model_named(name: str, kept: Path) -> Transformer:
    """A shipped name, or `planted-max-of-4-v256-d64-s0`, `trained-max-of-4-v64-d32-s0-8000-steps`.

    A trained one is written to the directory `kept`, and read from there the next time.

    Raises:
        UserError: if there is no such model.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return load(name)
    n_ctx, d_vocab, d_model, seed = (
        int(found[part]) for part in ("n_ctx", "d_vocab", "d_model", "seed")
    )
    if found["kind"] == "planted":
        return renamed(planted_max_of_k(d_vocab, n_ctx, d_model, seed), name)
    if found["steps"] is None:
        raise UserError(f"{name} does not say for how many steps: add, say, -8000-steps")
    path = kept / f"{name}.safetensors"
    if not path.exists():
        recipe = recipe_named(RECIPE, int(found["steps"]))
        save_model(train(MaxOfK(d_vocab, n_ctx), d_model, recipe, seed, name), path)
    return read_model(path)
