"""A population that can only be drawn from: a sampler, and in words what it draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from probbound.contract.identity import Identity
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.populations.contract import Population

CHUNK = 1 << 12
_LONGEST = 10_000


class Drawn(Population):
    """What `sample(rng, n)` draws: n independent members, an array of rows or a list.

    Chunk i of 4,096 draws is made with NumPy's generator of the stream `chunk i`, so that draws
    depend on neither memory nor threads; NumPy may turn the same words into other numbers in
    another version. That its draws are independent and have the law described is the user's
    word: the certificate says so.

    Args:
        sample: called with a `numpy.random.Generator` and a number, nothing else random in it.
        describe: what is drawn, in words; it is part of the claim.
        version: a name for this state of `sample`, in place of the digest of its source.

    Raises:
        UserError: if `sample` cannot be called or `describe` is no text.
    """

    kind = "drawn"

    def __init__(
        self,
        sample: Callable[[np.random.Generator, int], Any],
        describe: str,
        version: str | None = None,
    ) -> None:
        if not callable(sample):
            raise UserError(f"Drawn needs a function sample(rng, n), got {sample!r}")
        if not isinstance(describe, str) or not 0 < len(describe) <= _LONGEST:
            raise UserError(
                "Drawn needs to be told in words what it draws, as in "
                "Drawn(sample, 'standard normal vectors of 784 numbers')"
            )
        self.sample, self.describe = sample, describe
        self.identity = Identity.of(sample, version)

    @property
    def mass(self) -> None:
        """Not known."""

    @property
    def tickets(self) -> None:
        """None."""

    @property
    def size(self) -> None:
        """Not known."""

    @property
    def uniform(self) -> bool:
        """There are no tickets."""
        return False

    def statement(self) -> dict[str, Any]:
        """What is drawn, and by which source."""
        return {
            "kind": self.kind,
            "describe": self.describe,
            "chunk": CHUNK,
            "sampler": self.identity.to_json(),
        }

    def without_identity(self) -> tuple[str, ...]:
        """The sampler, if it has neither source nor version."""
        return ("the sampler",) if self.identity.kind == "none" else ()

    def trusted(self) -> list[str]:
        """Independence and law of the draws."""
        return [f"the sampler's draws are independent, and have the law of {self.describe!r}"]

    def draw(self, stream: Stream, start: int, stop: int) -> np.ndarray:
        """Draws `start` to `stop` - 1, which lie in one chunk from its beginning.

        Raises:
            UserError: if the sampler returns another number of members.
        """
        rng = stream.fold_in(f"chunk {start // CHUNK}").generator()
        found = self.sample(rng, stop - start)
        if not hasattr(found, "__len__") or len(found) != stop - start:
            came = f"{len(found)}" if hasattr(found, "__len__") else f"a {type(found).__name__}"
            raise UserError(f"the sampler was asked for {stop - start} members and gave {came}")
        return as_rows(found)

    def members(self, tickets: np.ndarray) -> np.ndarray:
        """There are no tickets."""
        raise UserError("a Drawn population has no tickets, it is drawn from")

    def firsts(self, tickets: np.ndarray) -> np.ndarray:
        """There are no tickets."""
        raise UserError("a Drawn population has no tickets, it is drawn from")

    def listing(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """There is no list."""
        raise UserError("a Drawn population cannot be listed, it is drawn from")

    def handed(self, batch: np.ndarray) -> Any:
        """What the sampler returned: an array (a copy), or a list again."""
        return batch.tolist() if batch.dtype == object else batch.copy()


def as_rows(found: Any) -> np.ndarray:
    """An array with one entry a member, of objects where it is not an array."""
    if hasattr(found, "dtype") and hasattr(found, "shape"):
        return np.asarray(found)
    rows = np.empty(len(found), dtype=object)
    for place, member in enumerate(found):
        rows[place] = member
    return rows
