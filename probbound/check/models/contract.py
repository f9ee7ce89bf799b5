"""A network as the checker's general rooms see it, and the object that each kind's room ends in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from probbound.check.models.files import Contents


@runtime_checkable
class Weights(Protocol):
    """What a file of weights holds, whatever its kind."""

    kind: ClassVar[str]

    @property
    def parts(self) -> dict[str, Any]:
        """What a certificate has to state of the network, part by part."""
        ...

    @property
    def reads(self) -> tuple[int, int, int]:
        """Tokens of a row, how many there are of each, and answers."""
        ...

    def digest(self) -> str:
        """SHA-256 of all that makes it another network."""
        ...


@runtime_checkable
class Subject(Protocol):
    """A network that answers: right where it leads by more than a margin."""

    @property
    def weights(self) -> Any:
        """Its weights."""
        ...

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """For each row of tokens."""
        ...


@dataclass(frozen=True)
class Kind:
    """A kind of network: how it is read and what may be stated of it.

    `knows` tells by the names of a file's arrays that they are of this kind, where the file does
    not say so, and `assembled` makes the weights of them. `parts` are rules for what a certificate
    states. `subject` is the network of weights and a margin, that may spend so many operations.
    """

    name: str
    knows: Callable[[Collection[str]], bool]
    assembled: Callable[[Contents], Weights]
    parts: Mapping[str, Any]
    subject: Callable[[Any, float, float], Subject]


def stated(values: Mapping[str, Any], assumed: Collection[str]) -> dict[str, Any]:
    """Parts of a network as a certificate states them: each read in the file, or assumed."""
    return {
        part: {"value": value, "source": "assumed" if part in assumed else "read"}
        for part, value in values.items()
    }


def digest_of(preamble: str, arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 of a line and of every array as little-endian float64, in order of name."""
    state = hashlib.sha256(f"probbound-model/1\n{preamble}\n".encode())
    for name in sorted(arrays):
        values = np.ascontiguousarray(arrays[name], dtype="<f8") + 0.0
        state.update(f"{name} {values.shape}\n".encode() + values.tobytes())
    return state.hexdigest()


def misstatements(claimed: Mapping[str, Any], weights: Weights) -> Iterator[str]:
    """Where a certificate states another network than was found."""
    if claimed["kind"] != weights.kind:
        yield f"it is about a network {claimed['kind']}, these are weights of {weights.kind}"
        return
    for part, right in weights.parts.items():
        said = claimed["parts"][part]
        if not _same(said, right):
            yield (
                f"it says of the network that {part} is {_in_words(said)}, and by the weights it "
                f"is {_in_words(right)}"
            )


def _in_words(part: Mapping[str, Any]) -> str:
    return f"{part['value']!r}, {part['source']}"


def _same(said: Mapping[str, Any], right: Mapping[str, Any]) -> bool:
    """Equal and of one type: true is no 1."""
    return said == right and type(said["value"]) is type(right["value"])
