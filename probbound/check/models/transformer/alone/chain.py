"""Sums along the chains of one last token and the one before (Theorems 10.8, 10.9 and 10.21)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probbound.check.models.transformer.alone.mean import weights

_MARGIN = 2.0**-40


class Chain:
    """k of Theorem 10.8 for one pair (q, u), of columns that each stand for a j and a b.

    Args:
        pair: q and u.
        values: C of each position [y, z, column].
        largest: No C of the position is larger in size, [position, column].
        scores: −S⁻ and S⁺ of each position, [y, z, 2].
        rest: λ of each column.
    """

    def __init__(
        self,
        pair: tuple[int, int],
        values: Sequence[np.ndarray],
        largest: np.ndarray,
        scores: Sequence[np.ndarray],
        rest: np.ndarray,
    ) -> None:
        self.q, self.u = q, u = pair
        rows = [slice(None)] * (len(values) - 2) + [[u], [q]]
        below, above = (
            [sign * each[row][..., k] for each, row in zip(scores, rows, strict=True)]
            for k, sign in ((0, -1), (1, 1))
        )
        below[-1], above[-1] = below[-1][:, [u]], above[-1][:, [u]]
        top = max(each.max() for each in above)
        self.links: list[np.ndarray] = []
        slack = np.zeros(rest.shape)
        for p, row in enumerate(rows):
            low, high = weights(below[p] - top, above[p] - top)
            value = values[p][row] if p < len(values) - 1 else values[p][row][:, [u]]
            over = value - rest
            most = over * high[..., None]
            over *= low[..., None]
            self.links.append(np.maximum(most, over, out=most))
            slack = slack + (largest[p] + np.abs(rest)) * high.max()
        self.least = -_MARGIN * slack - 2.0**-900

    def right(self, label: np.ndarray) -> np.ndarray:
        """Whether no sum is over nothing, [place, column], of columns that belong to labels.

        It means something where the place and the label are a case.
        """
        columns, q = np.arange(label.size), self.q
        before, total = self.links[0][:, 0].copy(), []
        for link in self.links[1:-1]:
            here = link[-1, q][None] if len(link) == 1 else link[label, q, columns][None]
            total.append(before[q] + here[0])
            before[q] = -np.inf
            before = (link + before).max(axis=1)
        after = self.links[-1][:, 0]
        for place in range(len(total) - 1, -1, -1):
            link = self.links[place + 1]
            total[place] = total[place] + (after[0] if len(link) == 1 else after[label, columns])
            after = after.copy()
            if len(after) > 1:
                after[q] = -np.inf
            after = (link + after[:, None]).max(axis=0)
        return np.array(total) <= self.least

    def through(self, tokens: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
        """t of 10.21 over the sequences of a set (n, v): of each position [allowed token, column].

        The set holds only sequences that end in u, q.
        """
        allowed = [np.flatnonzero(each) for each in tokens]
        ends = [*allowed[:-2], [0], [0]]
        earlier = [[0], *allowed[:-2], [0]]
        steps = [
            link[np.ix_(now, before, columns)]
            for link, now, before in zip(self.links, ends, earlier, strict=True)
        ]
        upto = [steps[0][:, 0]]
        for step in steps[1:]:
            upto.append((step + upto[-1]).max(axis=1))
        behind = np.zeros_like(upto[-1])
        found = [upto[-1]]
        for step, left in zip(reversed(steps[1:]), reversed(upto[:-1]), strict=True):
            behind = (step + behind[:, None]).max(axis=0)
            found.append(left + behind)
        return found[::-1]
