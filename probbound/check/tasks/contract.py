"""The checker's own side of a task: one object that its `task.py` ends in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probbound.check.effort import Work
from probbound.check.layout import Cases
from probbound.check.report import Unusable
from probbound.check.stream import Stream

Predicate = Mapping[str, Any]
Files = Mapping[str, Path]


def _alone(predicate: Predicate, network: Any, files: Files) -> Any:
    """The network, where a claim is about nothing beside it.

    Raises:
        Unusable: if there are files of something else.
    """
    for name in files:
        raise Unusable(f"{predicate['claim']['task']} has inputs of its own; leave --{name} out")
    return network


@dataclass(frozen=True)
class Replay:
    """What a task brings: what its certificates may say, and how their numbers are made again.

    `networks` are the kinds that answer it, and `arithmetic` what certificates say of how
    numbers are computed. `population` has rules for how a claim states its inputs. `misfits` are
    reasons why a claim is not about the weights' inputs, `misasked` why what was asked or ran is no
    recipe in its one form; `one_claim` gives every form of a claim the same JSON. `work` is what
    checking takes, `confirmed` what holds made again;
    `fresh` says of new draws what share they come from, and how many fail. `dressed` is the
    network with what the claim is about beside it, of files by name; "replay" is FILE.py:NAME, of a
    file that is executed. `trusted` are sentences on what of the inputs nobody can see, `assumed`
    on what a verdict depends on that was not made again, of what those files lack.
    """

    networks: tuple[str, ...]
    arithmetic: str
    population: Mapping[str, Any] | Cases
    misfits: Callable[[Predicate, Any], Iterator[str]]
    misasked: Callable[[Predicate], Iterator[str]]
    one_claim: Callable[[Predicate], dict[str, Any]]
    work: Callable[[Predicate, Any], Work]
    confirmed: Callable[[Predicate, Any], Iterator[str]]
    fresh: Callable[[Predicate, Any, Stream, int], tuple[float, int]]
    dressed: Callable[[Predicate, Any, Files], Any] = _alone
    trusted: Callable[[Predicate], Iterator[str]] = lambda predicate: iter(())
    assumed: Callable[[Predicate, Files], Iterator[str]] = lambda predicate, files: iter(())
