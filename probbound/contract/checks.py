"""A check: a sound test of single members of a population."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Shaped

Batch = Shaped[np.ndarray, "n ..."]


@runtime_checkable
class Check(Protocol):
    """A sound check of single members: what it passes is good for certain."""

    @property
    def name(self) -> str:
        """The name it goes by."""
        ...

    @property
    def flops(self) -> int:
        """Operations for each member."""
        ...

    def uncertified(self, members: Batch, /) -> Bool[np.ndarray, " n"]:
        """Which members it leaves; never False of a bad one."""
        ...
