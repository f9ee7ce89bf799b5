"""What `probbound noise` bounds: a path of a network, or a chain of matrices in files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probbound.cli.loading import loading
from probbound.machine.errors import UserError

if TYPE_CHECKING:
    from probbound.noise.term import NoiseTerm


@dataclass(frozen=True)
class Subject:
    """A product with nothing taken out of it, and what the JSON says of it.

    `n_ctx` is how many tokens an input has, None where there are no inputs.
    """

    term: NoiseTerm
    n_ctx: int | None
    told: dict[str, Any] = field(default_factory=dict)


def chain_in(path: str, chain: str) -> Subject:
    """A chain of matrices."""
    with loading():
        from probbound.models.written_chain import chain_term
    return Subject(chain_term(path, chain), None, {"file": path, "chain": chain})


def noise_of(subject: Subject, directions: Path | None, rank: int, peel: bool) -> NoiseTerm:
    """What is left without the given directions, and then without the `rank` leading ones."""
    with loading():
        from probbound.models.written_chain import given_directions
    term = subject.term
    if directions is not None:
        term = term.without_directions(*given_directions(directions))
    return term.peeled(rank) if peel else term.without_leading(rank)


def without(rank: int, directions: Path | None = None) -> str:
    """What was taken out, in words."""
    leading = f"{rank} leading direction" + ("" if rank == 1 else "s")
    parts = [*([str(directions)] if directions else []), *([leading] if rank else [])]
    return f"without {' and '.join(parts)}" if parts else "with nothing taken out"


def refuse(where: str, others: Collection[str]) -> None:
    """Refuse options that mean nothing there, as "beside --map".

    Raises:
        UserError: if one of them was given.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "")
        if parameter.name in others and given is not click.core.ParameterSource.DEFAULT:
            raise UserError(f"{parameter.opts[0]} means nothing {where}; leave it out")
