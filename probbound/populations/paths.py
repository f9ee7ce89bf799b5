"""Chains of states, each as often as the product of its links says: counted and drawn exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int

from probbound.arithmetic.semirings import COUNTS, reached
from probbound.draws.choices import chosen
from probbound.draws.random_streams import Stream

Weights = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Paths:
    """Chains s_0, s_1, …, s_L of states, of multiplicity first[s_0] · Π links[p][s_{p+1}][s_p].

    `first` are whole numbers of at least 0 by state, and so is a row of a link: by the state
    before. A last link of one row ends every chain in one state.
    """

    first: tuple[int, ...]
    links: tuple[Weights, ...]

    @cached_property
    def reached(self) -> list[list[int]]:
        """At each place the number of chains up to there, by their state (Theorem 10.19)."""
        links = (np.array(link, dtype=object) for link in self.links)
        sums = reached(COUNTS, np.array(self.first, dtype=object), links)
        return [each.tolist() for each in sums]

    @property
    def number(self) -> int:
        """Of all chains, counted with their multiplicities."""
        return sum(self.reached[-1])

    def draw(self, stream: Stream, start: int, stop: int) -> Int[np.ndarray, "n places"]:
        """The states of draws number `start` to `stop` - 1, in proportion to multiplicities.

        From the last place to the first: the state of place p is choice i of the stream `p`, by
        the number of chains up to there times the link to the state behind it (Theorem 10.19).
        """
        states = np.empty((stop - start, len(self.reached)), dtype=np.int64)
        last = len(self.links)
        states[:, last] = chosen(stream.fold_in(str(last)), start, stop, self.reached[last])
        for p in range(last - 1, -1, -1):
            at, behind = stream.fold_in(str(p)), states[:, p + 1]
            for state in np.unique(behind):
                link = self.links[p][state]
                weights = [n * w for n, w in zip(self.reached[p], link, strict=True)]
                here = behind == state
                states[here, p] = chosen(at, start, stop, weights)[here]
        return states
