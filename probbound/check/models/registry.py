"""The kinds of networks that the checker knows; a room is imported when it is entered."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from probbound.check.models.contract import Kind
from probbound.check.models.files import Contents, read_contents
from probbound.check.report import Unusable

_ROOMS = {
    "attention-only": "probbound.check.models.attention_only.room",
    "pair-mlp": "probbound.check.models.pair_mlp.room",
    "uniform-pair": "probbound.check.models.uniform_pair.room",
    "transformer": "probbound.check.models.transformer.room",
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
        Unusable: if the file is missing, damaged or of another format, if its parts do not fit, if
            it states a network that is not known here, or weights with another digest.
    """
    contents = read_contents(path)
    try:
        said = contents.texts
        if not said.get("format", "").startswith(_OWN_FILES):
            return _kind_of(contents, None).assembled(contents)
        weights = _kind_of(contents, said.get("network")).assembled(contents)
        found = weights.digest()
        if said.get("sha256", found) != found:
            raise Unusable(
                f"its header says that its weights have the digest {said['sha256'][:64]}, and "
                f"they have {found}: it was damaged or altered"
            )
        return weights
    except Unusable as error:
        raise Unusable(f"{path} cannot be used: {error}") from error


def _kind_of(contents: Contents, named: str | None) -> Kind:
    """The kind that a file names, or whose arrays it has."""
    if named is not None:
        return kind_named(named)
    others = (kind_named(name) for name in _ROOMS if name != _USUAL)
    known = next((kind for kind in others if kind.knows(contents.others)), None)
    return known or kind_named(_USUAL)
