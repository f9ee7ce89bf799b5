"""Extremes over the tokens of each gap class, for all labels at once (Theorem 4.2)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from probbound.tasks.max_of_k.screens.gap_classes import GapClasses

Table = Float[np.ndarray, "d_vocab d_vocab"]
Windows = Float[np.ndarray, "n_classes d_vocab d_vocab"]


def trailing_windows(op: np.ufunc, table: Table, classes: GapClasses) -> Windows:
    """`op` (maximum or minimum) of table[q, t] over the tokens t of each class, [class, q, label].

    A window of any length is made of two of half of it: O(log length) operations an entry. Where
    a class has no token for a label, the entry is of other tokens, or 0: nothing is read there.
    """
    found = np.zeros((len(classes.starts), *table.shape))
    for number, (start, stop) in enumerate(zip(classes.starts, classes.stops, strict=True)):
        whole = op.accumulate(table, axis=1) if stop == classes.d_vocab else table
        reach = 1
        while stop < classes.d_vocab and reach < stop - start:
            step = min(reach, stop - start - reach)
            wider = whole.copy()
            wider[:, step:] = op(whole[:, step:], whole[:, :-step])
            whole, reach = wider, reach + step
        found[number, :, start:] = whole[:, : table.shape[1] - start]
    return found


def label_windows(
    table: Float[np.ndarray, "d_vocab n_labels"], classes: GapClasses
) -> Float[np.ndarray, "n_classes n_labels"]:
    """The maximum of table[t, m] over the tokens t of each class of label m, [class, label].

    -1e300 where a class has no token.
    """
    found = np.full((len(classes.starts), table.shape[1]), -1e300)
    for number, (start, stop) in enumerate(zip(classes.starts, classes.stops, strict=True)):
        for gap in range(start, stop):
            part = found[number, gap:]
            np.maximum(part, np.diagonal(table, gap), out=part)
    return found


def window_flops(classes: GapClasses) -> int:
    """Operations of two `trailing_windows` and one `label_windows`."""
    v = classes.d_vocab
    doublings = sum(
        1 if stop == v else (stop - start - 1).bit_length()
        for start, stop in zip(classes.starts, classes.stops, strict=True)
    )
    return 2 * v * v * doublings + v * (v + 1) // 2
