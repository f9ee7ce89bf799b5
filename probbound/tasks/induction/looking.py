"""What a plan looks at before it foretells: answers, cases, look-ups, and ways down a tree.

All draws are of the stream `plan`, which certifies nothing, and no budget pays for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from jaxtyping import Float, Int

from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.filling import Fillings
from probbound.planning.forecast import share_seen
from probbound.tasks.induction.cases import Case, case_around
from probbound.tasks.induction.forecast import Descent, Tree, descend
from probbound.tasks.induction.question import InductionQuestion
from probbound.tasks.induction.screens.look_ups import LOOK_UPS
from probbound.tasks.induction.screens.pairs import PairScreen
from probbound.tasks.induction.screens.tree import RUN

MOST_SPENT = 3 * 10**9  # operations of each of the looks, about
PILOT, FEWEST, CASES = 1 << 12, 1 << 8, 1 << 8
DESCENTS, FEWEST_DESCENTS = 64, 4


@dataclass(frozen=True)
class Seen:
    """What a look found: the share that is `wrong` of `pilot` draws, and of what could be looked at
    the shares that `pairs` and look-ups leave (`kept`, by strategy), and the `tree` below what
    `pairs` left, or below all cases. Operations: `pairs_flops` those of `pairs`, 0 without, and
    `attempt` of a proof at the root of a tree, 0 where there is none.
    """

    pilot: int
    wrong: float
    pairs: float | None = None
    kept: Mapping[str, Fraction] = field(default_factory=dict)
    tree: Tree | None = None
    pairs_flops: int = 0
    attempt: int = 0

    @property
    def left(self) -> Mapping[str, float]:
        """Shares of all sequences that checks leave, by what they are called."""
        known = {"pairs screen": self.pairs, **self.kept}
        return {name: float(share) for name, share in known.items() if share is not None}

    @property
    def said(self) -> Iterator[str]:
        """What random descents say of the tree."""
        if self.tree is not None:
            nodes, flops = self.tree.nodes, self.tree.operations
            roots = "what pairs leave" if self.pairs is not None else "all cases"
            yield (
                f"By {len(self.tree.descents)} random descents a complete tree of {roots} has "
                f"{nodes.value:.2g} nodes (standard error {nodes.error:.1g}) and takes "
                f"{flops.value:.2g} operations ({flops.error:.1g})."
            )
        elif self.attempt:
            yield (
                f"A tree was not looked at: each attempt at a proof of a case would take "
                f"{self.attempt:.2g} operations."
            )


def looked(question: InductionQuestion, meter: CostMeter) -> Seen:
    """All that forecasts rest on; of a universal claim the cases of a pilot."""
    stream = Stream.from_seed(question.seed).fold_in("plan")
    if question.claim.revealed is not None:
        return _at_cases(question, stream, meter)
    pilot = _between(FEWEST, MOST_SPENT // question.price, PILOT)
    members = question.task.sample(stream.fold_in("pilot"), 0, pilot)
    with meter.phase("pilot", "sampling", question.once_flops + pilot * question.exact.flops):
        failed = int(question.exact.uncertified(members).sum())
    pairs, wrong = _by_pairs(question, meter), share_seen(failed, pilot)
    if pairs is not None and pairs.complete:
        wrong = min(wrong, pairs.share)
    tree, attempt = _down(question, _roots(question, pairs), stream.fold_in("tree"), meter)
    return Seen(
        *(pilot, wrong),
        pairs=None if pairs is None else pairs.share,
        kept=dict(_by_look_ups(question, members, meter)),
        tree=tree,
        pairs_flops=0 if pairs is None else pairs.screen.flops,
        attempt=attempt,
    )


def _between(fewest: int, number: int, most: int) -> int:
    return max(fewest, min(number, most))


def _at_cases(question: InductionQuestion, stream: Stream, meter: CostMeter) -> Seen:
    attempts = 2 * question.price // question.task.d_vocab  # most cases end with the first or two
    pilot = _between(FEWEST_DESCENTS, MOST_SPENT // attempts, CASES)
    members = question.cases.sample(stream.fold_in("pilot"), 0, pilot)
    with meter.phase("pilot", "sampling", pilot * question.price):
        failed = int(question.every_filling.uncertified(members).sum())
    return Seen(pilot, share_seen(failed, pilot))


@dataclass(frozen=True)
class _Roots:
    """Where a tree begins: cases with `sequences` in all, and one, drawn in proportion to its own,
    of each stream.
    """

    sequences: int | float
    drawn: Callable[[Stream], Case]


@dataclass(frozen=True)
class _ByPairs:
    """The screen, and the cases that it leaves of the pairs of last tokens that were looked at."""

    screen: PairScreen
    looked: int
    cases: list[Case]

    @property
    def complete(self) -> bool:
        """Whether every pair was looked at."""
        v = self.screen.task.d_vocab
        return self.looked == v * (v - 1)

    @property
    def sequences(self) -> float:
        """Of all that it is foretold to leave."""
        v = self.screen.task.d_vocab
        return sum(case.free for case in self.cases) * v * (v - 1) / self.looked

    @property
    def share(self) -> float:
        """Of all sequences that it leaves; what nobody has seen may still be there."""
        if self.complete:
            return self.sequences / self.screen.task.size
        v, n = self.screen.task.d_vocab, self.screen.task.n_ctx
        looked = self.looked * ((n - 3) * (v - 1) + 1)
        return share_seen(looked * self.sequences / self.screen.task.size, looked)

    @property
    def roots(self) -> _Roots | None:
        """What it leaves, if that is anything."""
        if not self.cases:
            return None
        upto = np.cumsum([case.free / self.cases[0].free for case in self.cases])
        return _Roots(self.sequences, lambda stream: self.cases[_within(upto, stream)])


def _within(upto: Float[np.ndarray, " cases"], stream: Stream) -> int:
    """A case in proportion to its sequences; by a double, as nothing is certified by it."""
    drawn = float(stream.integers(0, 1, 1 << 53)[0]) / (1 << 53) * upto[-1]
    return min(int(np.searchsorted(upto, drawn, side="right")), len(upto) - 1)


def _by_pairs(question: InductionQuestion, meter: CostMeter) -> _ByPairs | None:
    """None if the network or the task has no such screen."""
    try:
        screen = PairScreen(question.form, question.task, question.claim.margin)
    except UserError:
        return None
    most = question.task.d_vocab * (question.task.d_vocab - 1)
    number = _between(1, MOST_SPENT // screen.look_flops(1), most)
    with meter.phase("look at pairs", "proof", screen.look_flops(number)):
        return _ByPairs(screen, number, screen.left_of(number))


def _by_look_ups(
    question: InductionQuestion, members: Int[np.ndarray, "n n_ctx"], meter: CostMeter
) -> Iterator[tuple[str, Fraction]]:
    """The share of draws that each of them leaves, if there are such tables and they prove any."""
    for name, way in LOOK_UPS.items():
        try:
            check = way.prepared(question, meter)
        except UserError:
            continue
        with meter.phase("look-ups", "proof", len(members) * check.flops):
            left = int(check.uncertified(members).sum())
        if left < len(members):
            yield name, Fraction(2 * left + 1, 2 * len(members) + 2)


def _roots(question: InductionQuestion, pairs: _ByPairs | None) -> _Roots | None:
    if pairs is not None:
        return pairs.roots
    task, none = question.task, np.zeros(question.task.n_ctx, dtype=bool)
    return _Roots(task.size, lambda stream: case_around(task, task.sample(stream, 0, 1)[0], none))


def _down(
    question: InductionQuestion, roots: _Roots | None, stream: Stream, meter: CostMeter
) -> tuple[Tree | None, int]:
    """A forecast of the tree, None if a few ways down take too much, and what one attempt takes."""
    try:
        fillings = Fillings(question.form)
    except UserError:
        return None, 0
    if roots is None:
        return None, 0
    attempt = fillings.flops(roots.drawn(stream.fold_in("root 0")).allowed)
    if attempt * FEWEST_DESCENTS > MOST_SPENT:
        return None, attempt
    ways: list[Descent] = []
    with meter.phase("random descents", "proof") as phase:
        while len(ways) < DESCENTS and (len(ways) < 2 or phase.flops < MOST_SPENT):
            root = roots.drawn(stream.fold_in(f"root {len(ways)}"))
            below = stream.fold_in(f"descent {len(ways)}")
            ways.append(descend(root, fillings, question.claim.margin, below))
            phase.flops += sum(ways[-1].flops)
    return Tree(roots.sequences, tuple(ways), RUN, question.exact.flops), attempt
