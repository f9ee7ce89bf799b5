"""`Given`: a population and a check as one object, for the command line and for replays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from probbound.own.certificate import OwnCertificate
from probbound.own.question import Subject
from probbound.own.screens import Screen
from probbound.own.share import bound_share, share_subject
from probbound.populations.contract import Population


@dataclass(frozen=True)
class Given:
    """What a claim about a share is about; `bound_share` asks it.

    Attributes:
        population: `Product`, `Listed`, `Sequences`, `Drawn` or `Strata`.
        check: called with a batch, answers one boolean a member, True if it is good.
        name: what the claim is called.
        screens: a `Left`, then any `Cheap`.
        version: a name for this state of the functions, in place of the digests of their sources.
    """

    population: Population
    check: Callable[[Any], Any]
    name: str
    screens: Sequence[Screen] = ()
    version: str | None = None

    def subject(self) -> Subject:
        """What the claim is about, with the identities of its functions.

        Raises:
            UserError: if a part of it cannot be used.
        """
        return share_subject(self.population, self.check, self.screens, self.version)

    def bound_share(self, **settings: Any) -> OwnCertificate:
        """`probbound.bound_share` of it; `settings` are its further arguments."""
        return bound_share(
            self.population,
            self.check,
            name=self.name,
            screens=self.screens,
            version=self.version,
            **settings,
        )
