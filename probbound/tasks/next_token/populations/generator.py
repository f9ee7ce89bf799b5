"""A generator of rows: a user's function, asked for so many at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from probbound.contract.identity import Identity
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.machine.python_files import object_at, parts_of
from probbound.models.transformer.answering import PILOT
from probbound.tasks.accepted import unaltered
from probbound.tasks.next_token.populations.contract import Rows
from probbound.tasks.next_token.populations.independent import PILOT_STREAM, Independent
from probbound.tasks.next_token.reading import as_rows

BLOCK = 256
ON_TRUST = (
    "that the rows of the generator are independent and have one law, and that what it closes "
    "over, calls or loads is what it was"
)
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, eq=False)
class RowGenerator(Independent):
    """Rows that `function(rng, n)` makes, n of equal length, independent and of one law (9.12).

    Block b of 256 draws is made with NumPy's generator of the stream `block b`, so that draws
    depend on neither memory nor threads; NumPy may turn the same words into other numbers in
    another version. Independence and law are the user's word: the certificate says so.

    Attributes:
        function: called with a `numpy.random.Generator` and 256, nothing else random in it; one
            call at a time. It answers tokens, [256, length].
        name: of the function, by default its own.
        version: a name for this state of `function`, in place of the digest of its source.

    Raises:
        UserError: if it cannot be called, has no name, or neither source nor version.
    """

    function: Callable[[np.random.Generator, int], Any]
    name: str = ""
    version: str | None = None
    kind: ClassVar[str] = "row-generator"

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise UserError(f"a generator of rows is a function of (rng, n), got {self.function!r}")
        name = self.name or getattr(self.function, "__name__", "")
        if not isinstance(name, str) or not name.isidentifier():
            raise UserError(f"a generator of rows needs a name, RowGenerator(…, name=…); {name!r}")
        object.__setattr__(self, "name", name)
        if self.identity.kind == "none":
            raise UserError(
                f"the source of the generator {name} is not found; give it a name for its state, "
                "RowGenerator(…, version=…)"
            )

    @cached_property
    def identity(self) -> Identity:
        """The digest of its source, or its version."""
        return Identity.of(self.function, self.version)

    @property
    def mass(self) -> None:
        """Not known."""

    @property
    def length(self) -> int:
        """Tokens of its rows."""
        return int(self.pilot.shape[1])

    @property
    def reach(self) -> tuple[int, int]:
        """That of the pilot; draws are looked at when they are made."""
        return int(self.pilot[:, :-1].max()), int(self.pilot[:, -1].max())

    @cached_property
    def _first(self) -> Rows:
        return self._block(PILOT_STREAM, 0)[:PILOT]

    @property
    def pilot(self) -> Rows:
        """Draws of a stream of their own (9.7), made once."""
        return self._first

    def accepted(self) -> RowGenerator:
        """The same, made anew, and asked for its pilot again."""
        anew = RowGenerator(self.function, self.name, self.version)
        if not np.array_equal(anew.pilot, self.pilot):
            raise UserError(
                f"the generator {self.name} makes other rows when it is asked again; nothing but "
                "the numbers of its rng may be random in it"
            )
        return unaltered(self, anew)

    def statement(self) -> dict[str, Any]:
        """What makes the rows, and what of it is taken on trust."""
        return {
            "kind": self.kind,
            "size": None,
            "length": self.length,
            "name": self.name,
            "block": BLOCK,
            "source": self.identity.to_json(),
            "on_trust": ON_TRUST,
        }

    def sample(self, stream: Stream, start: int, stop: int) -> Rows:
        """Draw i is row i mod 256 of block i // 256.

        Raises:
            UserError: if the function raises, or answers other rows than it did.
        """
        first = start // BLOCK
        blocks = [self._block(stream, number) for number in range(first, -(-stop // BLOCK))]
        if not blocks:
            return self.pilot[:0]
        if any(block.shape[1] != self.length for block in blocks):
            raise UserError(f"the generator {self.name} must make rows of one length")
        return np.concatenate(blocks)[start - first * BLOCK : stop - first * BLOCK]

    def _block(self, stream: Stream, number: int) -> Rows:
        rng = stream.fold_in(f"block {number}").generator()
        try:
            with _ONE_AT_A_TIME:
                found = self.function(rng, BLOCK)
        except Exception as error:
            said = " ".join(f"{type(error).__name__}: {error}".split())
            raise UserError(f"the generator {self.name} raised {said}") from error
        rows = as_rows(found, f"the generator {self.name}")
        if len(rows) != BLOCK:
            raise UserError(
                f"the generator {self.name} was asked for {BLOCK} rows and made {len(rows)}"
            )
        if (rows < 0).any():
            raise UserError(f"the generator {self.name} must make rows of one length")
        return rows


def generator_at(place: str) -> RowGenerator:
    """That of FILE.py:NAME, a function or a `RowGenerator`; the file is executed.

    Raises:
        UserError: if there is none, or the file raises.
    """
    what = "a generator of rows"
    found, (_, name) = object_at(place, what=what), parts_of(place, what)
    return found if type(found) is RowGenerator else RowGenerator(found, name)
