"""Networks by kind, shipped models by name, and any model by its path."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probbound.machine.errors import UserError
from probbound.machine.rooms import Rooms
from probbound.models.catalogue import DEFAULT_KIND, located

if TYPE_CHECKING:
    from probbound.models.imported import Imported
    from probbound.models.room import NetworkRoom

_ROOMS = Rooms(
    "network",
    {
        DEFAULT_KIND: "probbound.models.attention_only",
        "pair-mlp": "probbound.models.pair_mlp",
        "uniform-pair": "probbound.models.uniform_pair",
        "transformer": "probbound.models.transformer",
    },
)


def room_named(kind: str) -> NetworkRoom[Any]:
    """The room of a kind of network.

    Raises:
        UserError: if there is none of that name.
    """
    return _ROOMS.module(kind, "room").NETWORK


def required_kind(kind: str) -> str:
    """The name, if there is such a kind of network; nothing heavy is loaded.

    Raises:
        UserError: with those that there are.
    """
    return _ROOMS.required(kind)


def sizes_shown(kind: str) -> tuple[str, ...]:
    """Which sizes of a configuration a list of models shows; nothing heavy is loaded."""
    return _ROOMS.module(kind, "names").SHOWN


def described(network: Mapping[str, Any]) -> str:
    """The network of a claim in a line, by the words of its room; nothing heavy is loaded.

    Raises:
        UserError: if there is no such kind.
    """
    return _ROOMS.module(network["kind"], "words").described(network["parts"])


def room_of(model: Any) -> NetworkRoom[Any]:
    """The room that a network belongs to.

    Raises:
        UserError: if it belongs to none.
    """
    return room_named(_ROOMS.named_by(model, "kind"))


def room_for(names: Collection[str]) -> NetworkRoom[Any]:
    """The room whose arrays go by such names; where none knows them, the first, which says why."""
    others = (room_named(kind) for kind in _ROOMS if kind != DEFAULT_KIND)
    return next((room for room in others if room.recognises(names)), room_named(DEFAULT_KIND))


def is_another_frameworks(found: Any) -> bool:
    """Whether a network in what a source gave has to be imported before anything is said of it."""
    return any(room_named(kind).speaks_of(found, None, None) for kind in _ROOMS)


def importer(
    found: Any, config: str | None, weights: str | None, named: str | None = None
) -> Callable[[Any, Path, str | None, str | None], Imported[Any]]:
    """What finds a network in what a source gave: of the kind that is named, else of that which it
    speaks of, else the usual.

    Raises:
        UserError: if there is no kind of that name, or no network of that kind.
        LookupError: if the usual kind is not imported.
    """
    if named is not None:
        room = room_named(named)
        asked = (found, config, weights)
        if room.imported and (room.speaks_of(*asked) or room.speaks_if_asked(*asked)):
            return room.imported
        raise UserError(f"it holds no one network that can be imported as of kind {named}")
    for kind in _ROOMS:
        room = room_named(kind)
        if room.imported and room.speaks_of(found, config, weights):
            return room.imported
    usual = room_named(DEFAULT_KIND).imported
    if usual is None:
        raise LookupError("no kind of network is imported")
    return usual


def load(name_or_path: str | Path) -> Any:
    """A shipped model by name, or any model by the path of its file: a network of any kind.

    Raises:
        UserError: if there is no such model, or its file cannot be used.
    """
    from probbound.models.store import read_model, renamed

    path, name = located(name_or_path)
    return renamed(read_model(path), name)
