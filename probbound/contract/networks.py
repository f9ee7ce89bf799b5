"""A network as the general rooms see it."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable


@runtime_checkable
class Network(Protocol):
    """Weights under a name; what it computes is known in the room of its kind alone.

    The rooms are in `probbound.models.registry`. The name is for people and no part of it.
    """

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def made_for(self) -> str:
        """The task that its file says it was made for, "" if it says none."""
        ...
