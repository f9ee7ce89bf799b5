"""The kinds of networks that the checker knows; a room is imported when it is entered."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from probbound.check.models.contract import Kind
from probbound.check.models.files import read_contents
from probbound.check.report import Unusable

_ROOMS = {
    "attention-only": "probbound.check.models.attention_only.room",
    "pair-mlp": "probbound.check.models.pair_mlp.room",
    "uniform-pair": "probbound.check.models.uniform_pair.room",
}
_USUAL = "attention-only"
_OWN_FILES = "probbound-model/"


def kinds() -> list[str]:
    """Their names."""
    return list(_ROOMS)


def kind_named(name: str) -> Kind:
    """A kind of network.

    Raises:
        Unusable: if there is none of that name.
    """
    if name not in _ROOMS:
        raise Unusable(f"there is no network {name[:80]!r}")
    return import_module(_ROOMS[name]).NETWORK


def read_weights(path: Path) -> Any:
    """The `Weights` in a `.safetensors` or `.npz` file, of a network of any kind.

    Raises:
        Unusable: if the file is missing, damaged or of another format, if its parts do not fit, or
            if it states a network that is not known here.
    """
    contents = read_contents(path)
    try:
        named, said = None, contents.texts
        if said.get("format", "").startswith(_OWN_FILES):
            named = said.get("network")
        if named is None:
            others = (kind_named(name) for name in _ROOMS if name != _USUAL)
            known = next((kind for kind in others if kind.knows(contents.others)), None)
            return (known or kind_named(_USUAL)).assembled(contents)
        return kind_named(named).assembled(contents)
    except Unusable as error:
        raise Unusable(f"{path} cannot be used: {error}") from error
