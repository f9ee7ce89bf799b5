"""The sub-cubic screens: each (query, label, multiset of gap classes) is certified or left.

Theorems 4.1 to 4.8 and, on rounding, 5.7 and 5.8. The worst case over a product set is a sum of
per-position maxima; a term is an upper bound on the bracket times the attention's upper bound if
that is positive, its *lower* bound if negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float, UInt8

from probbound.arithmetic.rounding import certainly_negative
from probbound.contract.cost import CostMeter
from probbound.contract.ledger import Ledger, Spend
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.machine.parallel import parallel_map
from probbound.models.attention_only.additive import Circuits, worst_excess, worst_excess_flops
from probbound.models.attention_only.forward_error import ForwardError, forward_error_flops
from probbound.models.attention_only.transformer import Transformer, in_float64
from probbound.noise.registry import method_named
from probbound.tasks.max_of_k.screens.gap_classes import MULTISET_LIMIT, GapClasses, gap_classes
from probbound.tasks.max_of_k.screens.gap_residue import GapResidue, gap_draw_flops
from probbound.tasks.max_of_k.screens.ladder_error import attention_error, bracket_error
from probbound.tasks.max_of_k.screens.paths import (
    Known,
    Treatment,
    direct_path,
    path_flops,
    position_score_flops,
    position_scores,
    token_scores,
)
from probbound.tasks.max_of_k.screens.screen import Price
from probbound.tasks.max_of_k.screens.sequences import SequenceTables
from probbound.tasks.max_of_k.screens.windows import label_windows, trailing_windows, window_flops

_TINY = 1e-300
_PAIRS_AT_ONCE = 1 << 12

Table = Float[np.ndarray, "d_vocab d_vocab"]


@dataclass(frozen=True)
class LadderScreen:
    """One head's paths, each multiplied out (None) or split into structure and noise.

    `mean_diff` joins the mean of the direct path and of the positional part to the OV circuit, so
    that only what differs from the mean is maximised apart (Theorem 4.1). `multiset_limit` is how
    many multisets of gap classes may be looked at for each query and label. What is certified
    exceeds `margin` (Theorem 1.8); sequences count with their mass under `law`, uniform by
    default (1.11).
    """

    name: str
    scores: Treatment | None = None
    direct: Treatment | None = None
    mean_diff: bool = True
    multiset_limit: int = MULTISET_LIMIT
    margin: float = 0.0
    law: Prior | None = None

    @property
    def ledger(self) -> Ledger:
        """What the sampled noise bounds spend, one entry a path."""
        paths = (("attention scores", self.scores), ("direct path", self.direct))
        return Ledger(
            tuple(
                Spend(
                    f"row spreads of the noise in the {name}, all rows at once",
                    treatment.method,
                    "4.5",
                    treatment.settings.delta,
                    treatment.settings.log_delta,
                    0,
                )
                for name, treatment in paths
                if treatment and method_named(treatment.method).evidence != "weights"
            )
        )

    def expected_flops(self, model: Transformer, classes: GapClasses, *, known: bool) -> int:
        """Nearly the operations of `enumerate`, with or without products, but for bounding noise.

        What bounding noise costs and the widths of the classes are not known beforehand:
        `classes` are like those of `expected_classes`.
        """
        paths = path_flops(model, self.scores, self.direct, known)
        rest = _ov_flops(model, known) + bracket_flops(model)
        return paths + rest + _counting_flops(classes)

    def price(self, model: Transformer) -> Price | None:
        """Of gap classes as `expected_classes` has them; None for several heads."""
        if model.n_heads > 1:
            return None
        classes = expected_classes(model)
        alone, shared = (
            float(self.expected_flops(model, classes, known=known)) for known in (False, True)
        )
        return Price(alone, shared, partial(gap_draw_flops, classes))

    def of_one(self, tables: SequenceTables) -> None:
        """No sound form: brackets of one sequence foretell it, but bound no rounding (4.24)."""

    def enumerate(
        self, model: Transformer, meter: CostMeter, products: Circuits | None = None
    ) -> GapResidue:
        """Certify what can be; count the rest. `products` saves multiplying paths out again.

        Raises:
            UserError: if the model has several heads.
        """
        if model.n_heads > 1:
            raise UserError(
                f"{self.name} is for models with one head, but {model.name} has "
                f"{model.n_heads}; use cubic"
            )
        m = in_float64(model)
        scores = token_scores(m, self.scores, meter, products)
        with meter.phase("OV and positions", "proof", _ov_flops(m, products is not None)):
            value, position, positions = _ov_and_positions(m, products)
            error = ForwardError.of(m)
            loosening = attention_error(error, scores, positions)
            attention = _attention(scores, positions, loosening)
        direct, mean = direct_path(m, self.direct, meter, products)
        with meter.phase("brackets", "proof", bracket_flops(m)):
            raised = self.margin + bracket_error(error, direct, self.margin)
            brackets = brackets_of(value, position, direct, mean, self.mean_diff, raised)
        classes = _classes(scores, m.n_ctx, self.multiset_limit, self.law)
        with meter.phase("counting", "proof", _counting_flops(classes)):
            return _count(attention, brackets, classes)


def expected_classes(model: Transformer) -> GapClasses:
    """As many gap classes as a screen will make, if not as wide."""
    return gap_classes(model.d_vocab, model.n_ctx, 0.0, 1.0)


def _ov_and_positions(
    m: Transformer, products: Circuits | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The OV circuit, its positional part, and the scores of positions."""
    if products is not None:
        value, position = products.value[0], products.position[0]
        return np.asarray(value), np.asarray(position), np.asarray(products.position_scores[0])
    output = m.W_O[0] @ m.W_U
    value, position = m.W_E @ m.W_V[0] @ output, m.W_pos @ m.W_V[0] @ output
    return np.asarray(value), np.asarray(position), position_scores(m)


@dataclass(frozen=True)
class Attention:
    """Bounds on e^{score}, rows scaled by a constant each (Theorem 4.4).

    [query, token] for a token at any free position, and for the query itself at the last one.
    """

    upper: Table
    lower: Table
    last_upper: Float[np.ndarray, " d_vocab"]
    last_lower: Float[np.ndarray, " d_vocab"]


@dataclass(frozen=True)
class Brackets:
    """Upper bounds on max_{j ≠ m} of the bracket: a token's part plus a query's (Theorem 4.1)."""

    token: Float[np.ndarray, "d_vocab n_labels"]
    free: Float[np.ndarray, "d_vocab n_labels"]
    last: Float[np.ndarray, "d_vocab n_labels"]


@np.errstate(over="ignore", invalid="ignore")
def _attention(
    scores: Known, positions: Float[np.ndarray, "d_vocab n_ctx"], error: float
) -> Attention:
    """Bounds that hold for computed scores, and for sums yet to be rounded (Theorem 5.7).

    An exponent exceeds 0 by rounding alone, and enough to overflow only where `error` is infinite:
    then no bound here is finite and positive, so that nothing is certified.
    """
    free = positions[:, :-1] if positions.shape[1] > 1 else positions
    high, low = free.max(axis=1), free.min(axis=1)
    own, last = np.diagonal(scores.known), positions[:, -1]
    top = scores.known.max(axis=1) + scores.spread + positions.max(axis=1)
    upper = np.exp(scores.known + (scores.spread + high - top)[:, None])
    lower = np.exp(scores.known + (low - top)[:, None])
    more, less = 1 + error, max(1 - error, 0.0)
    return Attention(
        np.maximum(upper, _TINY) * more,
        lower * less,
        np.maximum(np.exp(own + scores.spread + last - top), _TINY) * more,
        np.exp(own + last - top) * less,
    )


def brackets_of(
    value: Float[np.ndarray, "d_vocab d_vocab_out"],
    position: Float[np.ndarray, "n_ctx d_vocab_out"],
    direct: Known,
    direct_mean: Float[np.ndarray, " d_vocab_out"],
    mean_diff: bool,
    raised: float,
) -> Brackets:
    """The brackets from what is known of the OV circuit, the positions and the direct path."""
    labels = np.arange(len(value))
    if mean_diff:
        position_mean = position.mean(axis=0)
        token = worst_excess(value + (position_mean + direct_mean), labels)
        query = worst_excess(direct.known, labels)
        place = worst_excess(position - position_mean, labels)
    else:
        token = worst_excess(value, labels)
        query = worst_excess(direct.known + direct_mean, labels)
        place = worst_excess(position, labels)
    query = query + direct.spread[:, None] + raised
    free = place[:-1] if len(place) > 1 else place
    return Brackets(token, query + free.max(axis=0), query + place[-1])


def bracket_flops(m: Transformer) -> int:
    """Operations of `brackets_of`."""
    v, k, out = m.d_vocab, m.n_ctx, m.d_vocab_out
    return worst_excess_flops(2 * v + k, out, v) + 2 * v * out + 3 * k * out + 3 * v * v + k * v


def _ov_flops(m: Transformer, known: bool) -> int:
    v, k, d, e, out = m.d_vocab, m.n_ctx, m.d_model, m.d_head, m.d_vocab_out
    values = 2 * e * d * out + 2 * (v + k) * e * (d + out)
    products = 0 if known else values + position_score_flops(m)
    return products + forward_error_flops(m) + 10 * v * v + v * (5 * k + 12)


def _classes(scores: Known, n_ctx: int, limit: int, law: Prior | None) -> GapClasses:
    """Gap classes at the scale of the scores: how many tokens they take to rise by one.

    A choice that soundness does not depend on; its operations are booked with the counting.
    """
    v = len(scores.known)
    rise = np.ptp(scores.known, axis=1).mean() / v
    step = min(max(1.0, 1 / max(rise, 1e-9)), float(v))
    offset = min(float(np.median(scores.spread)) * step, float(v))
    return gap_classes(v, n_ctx, offset, step, limit, law)


def _count(attention: Attention, brackets: Brackets, classes: GapClasses) -> GapResidue:
    token = label_windows(brackets.token, classes)
    upper = trailing_windows(np.maximum, attention.upper, classes)
    lower = trailing_windows(np.minimum, attention.lower, classes)

    def certify(query: int) -> UInt8[np.ndarray, "d_vocab n_bytes"]:
        part = np.s_[query, query:]
        free = token[:, query:] + brackets.free[part]
        last = brackets.token[part] + brackets.last[part]
        ends = np.where(last > 0, attention.last_upper[query], attention.last_lower[query])
        with np.errstate(invalid="ignore"):
            terms = free * np.where(free > 0, upper[:, *part], lower[:, *part])
            return _left(classes, query, terms, last * ends)

    def certify_some(queries: range) -> list[UInt8[np.ndarray, "d_vocab n_bytes"]]:
        return [certify(query) for query in queries]

    v, some = classes.d_vocab, max(1, _PAIRS_AT_ONCE // classes.d_vocab)
    batches = [range(at, min(at + some, v)) for at in range(0, v, some)]
    left = np.concatenate(list(parallel_map(certify_some, batches, "certifying classes")))
    bits = partial(np.unpackbits, axis=-1, count=len(classes.counts))
    counts = np.stack([(bits(row) * classes.units).sum(axis=1) for row in left])
    return GapResidue(classes, left, counts * classes.law.array[:, None])


def _left(
    classes: GapClasses,
    query: int,
    terms: Float[np.ndarray, "n_classes n_labels"],
    last: Float[np.ndarray, " n_labels"],
) -> UInt8[np.ndarray, "d_vocab n_bytes"]:
    """Which multisets are not certified, one row for each label; labels below the query none."""
    totals = last[None]
    for parents, items in classes.levels:
        totals = totals[parents] + terms[items]
    left = np.zeros((classes.d_vocab, len(classes.counts)), dtype=bool)
    left[query:] = ~certainly_negative(totals).T & (classes.units[query:] > 0)
    left[query + 1 :] &= classes.has_label
    return np.packbits(left, axis=1)


def _counting_flops(classes: GapClasses) -> int:
    v, n_classes = classes.d_vocab, len(classes.starts)
    pairs = v * (v + 1) // 2
    adds = sum(len(items) for _, items in classes.levels)
    per_pair = 3 * n_classes + 4 + adds + 2 * len(classes.counts)
    return 2 * v * v + window_flops(classes) + pairs * per_pair
