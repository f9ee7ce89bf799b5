"""Where the sampling seed comes from: by default from the question itself (Theorem 6.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from probbound.certificates.format import FORMAT, canonical
from probbound.machine.errors import UserError

SeedSource = Literal["content", "beacon", "chosen"]
_DOMAIN = b"probbound/seed/1\n"
_BYTES = 6
_LONGEST_BEACON = 10_000


@dataclass(frozen=True)
class Seed:
    """The seed of the certifying samples, and who decided it.

    `content`: the question alone; `beacon`: the question and a public text; `chosen`: a person.
    """

    value: int
    source: SeedSource
    beacon: str | None = None


def seed_for(
    question: Mapping[str, Any], chosen: int | None, beacon: str | None, format: str = FORMAT
) -> Seed:
    """The seed of a question, unless one was chosen by hand.

    `question` is all that was asked, as JSON: the claim, the digest of the weights, the strategy
    and its settings; `format` is that of the certificate. The same question gets the same seed. It
    has 48 bits, so that every reader of JSON keeps it exactly.

    Raises:
        UserError: if both a seed and a beacon are given, or the beacon is empty or very long.
    """
    if chosen is not None:
        if beacon is not None:
            raise UserError("give a seed or a beacon, not both: a beacon makes the seed")
        return Seed(chosen, "chosen")
    if beacon is not None and not 0 < len(beacon) <= _LONGEST_BEACON:
        raise UserError(f"a beacon has 1 to {_LONGEST_BEACON} characters, got {len(beacon)}")
    content = canonical({**question, "format": format, "beacon": beacon})
    number = int.from_bytes(hashlib.sha256(_DOMAIN + content).digest()[:_BYTES], "big")
    return Seed(number, "content" if beacon is None else "beacon", beacon)
