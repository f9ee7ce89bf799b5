"""What rows come from: how a claim states it, what brings it, and what of it is not looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from probbound.check import rules
from probbound.check.report import Refused, Unusable
from probbound.check.stream import Stream
from probbound.check.tasks.next_token.generator import BLOCK, ON_TRUST, Unseen, generator_at
from probbound.check.tasks.next_token.law import Law, read_law
from probbound.check.tasks.next_token.rows import Numbers, Rows, read_rows

Stated = Mapping[str, Any]
Files = Mapping[str, Path]


@runtime_checkable
class Population(Protocol):
    """Rows of `length` tokens, those read and last ones at most at `reach`, as far as is known.

    `at_hand` says whether they can be drawn here, and `seen` what of them is as stated.
    """

    @property
    def at_hand(self) -> bool: ...

    @property
    def seen(self) -> tuple[str, ...]: ...

    @property
    def length(self) -> int: ...

    @property
    def reach(self) -> tuple[int, int]: ...

    def drawn(self, stream: Stream, draws: int) -> tuple[Any, Numbers]:
        """Rows that a certificate rests on, and the numbers of those that were looked at."""
        ...

    def anew(self, stream: Stream, draws: int) -> tuple[Any, Numbers]:
        """Independent draws, likewise."""
        ...

    def at(self, numbers: Numbers) -> np.ndarray:
        """The rows of some numbers (n, length)."""
        ...


@dataclass(frozen=True)
class Kind:
    """One kind of population: `fields` are rules for what it states beside what all do.

    `brought` reads it from files by name. `trusted` are sentences on what cannot be seen, and
    `unmade` on what a verdict depends on that was not made again, of a claim
    of a kind and so many draws.
    """

    fields: Mapping[str, Any]
    brought: Callable[[Stated, Files], Population]
    trusted: Callable[[Stated], Iterator[str]] = lambda stated: iter(())
    unmade: Callable[[Files, str, int], Iterator[str]] = lambda files, kind, draws: iter(())


def _of_file(files: Files, what: str) -> Path:
    if "data" not in files:
        raise Unusable(f"it is about {what}; give their file with --data")
    if "replay" in files:
        raise Unusable(f"it is about {what} in a file, --data; leave --replay out")
    return files["data"]


def _list(stated: Stated, files: Files) -> Rows:
    rows = read_rows(_of_file(files, "rows of tokens"))
    if rows.tokens.shape != (stated["size"], stated["length"]) or rows.digest != stated["sha256"]:
        raise Refused(f"it is about rows with digest {stated['sha256']}, these have {rows.digest}")
    if rows.shortest != stated["shortest"]:
        raise Refused(f"its shortest row has {rows.shortest} tokens, not {stated['shortest']}")
    return rows


def _law(stated: Stated, files: Files) -> Law:
    law = read_law(_of_file(files, "rows of a law"))
    if law.length != stated["length"] or law.digest != stated["sha256"]:
        raise Refused(f"it is about a law with digest {stated['sha256']}, this has {law.digest}")
    if law.bits != stated["rounded_bits"]:
        raise Refused(f"its law is rounded to {law.bits} bits, not {stated['rounded_bits']}")
    return law


def _generator(stated: Stated, files: Files) -> Population:
    if "data" in files:
        raise Unusable(
            "it is about rows that a generator makes; --replay FILE.py:NAME executes its file, "
            "--data has no use"
        )
    said = stated["source"]
    if (said["sha256"] is None) == (said["version"] is None) or (said["sha256"] is None) != (
        said["identity"] == "version"
    ):
        raise Refused("its generator is known by neither a digest nor a version alone")
    if "replay" not in files:
        return Unseen(stated["length"])
    return generator_at(str(files["replay"]), stated)


def _of_code(stated: Stated) -> Iterator[str]:
    yield ON_TRUST
    if stated["source"]["version"] is not None:
        yield f"that the generator is what its version {stated['source']['version']!r} names"


_ANSWERS = "the answers to {:,} rows of its generator, as counted in it"
_OF_DRAWS = {
    "accuracy": _ANSWERS,
    "margin": _ANSWERS,
    "kl": "the divergences at {:,} rows of its generator, as counted in it",
    "loss": "the losses at {:,} rows of its generator and the bound from them, as stated in it",
}


def _without_code(files: Files, kind: str, draws: int) -> Iterator[str]:
    if "replay" not in files and draws:
        said = _OF_DRAWS[kind].format(draws)
        yield (
            f"{said}: without its code they cannot be made again (--replay FILE.py:NAME "
            "executes it)"
        )


def _nothing(value: Any) -> bool:
    return value is None


def _block(value: Any) -> bool:
    return type(value) is int and value == BLOCK


def _name(value: Any) -> bool:
    return rules.text(value) and value.isidentifier()


KINDS: Mapping[str, Kind] = {
    "rows": Kind(
        {"size": rules.positive, "shortest": rules.positive, "sha256": rules.sha256},
        _list,
    ),
    "row-law": Kind(
        {
            "size": _nothing,
            "sha256": rules.sha256,
            "rounded_bits": rules.maybe(lambda value: type(value) is int and value > 0),
        },
        _law,
    ),
    "row-generator": Kind(
        {
            "size": _nothing,
            "name": _name,
            "block": _block,
            "source": {
                "identity": rules.one_of("source", "version"),
                "sha256": rules.maybe(rules.sha256),
                "version": rules.maybe(rules.label_of(1000)),
            },
            "on_trust": rules.one_of(ON_TRUST),
        },
        _generator,
        _of_code,
        _without_code,
    ),
}
