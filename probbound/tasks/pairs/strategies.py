"""The strategies of a task over pairs by name."""

from __future__ import annotations

from dataclasses import dataclass

from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError
from probbound.strategies.on_screens import brute_force, cascade, hybrid, iid, screened
from probbound.strategies.outcome import Outcome
from probbound.tasks.accepted import require_not_of_rows
from probbound.tasks.pairs.entries import entries, entries_by
from probbound.tasks.pairs.grammar import (
    BRUTE_FORCE,
    CASCADE,
    ENTRIES,
    HYBRID,
    IID,
    SCREEN,
    PairGrammar,
)
from probbound.tasks.pairs.preparation import made_screen
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.room import Uses

_ON_SCREENS = {SCREEN: screened, HYBRID: hybrid, CASCADE: cascade}
_CERTAIN = Uses(False, False, frozenset())
_USES = {
    AUTO: Uses(True, True, frozenset({"budget_flops"})),
    BRUTE_FORCE: _CERTAIN,
    IID: Uses(True, True, frozenset()),
    SCREEN: _CERTAIN,
    ENTRIES: Uses(True, True, frozenset()),
    HYBRID: Uses(True, True, frozenset()),
    CASCADE: Uses(True, True, frozenset({"target", "draws"})),
}


@dataclass(frozen=True)
class PairStrategies:
    """What the names of a task's grammar do."""

    grammar: PairGrammar

    def uses(self, strategy: str) -> Uses:
        """What a strategy has a use for.

        Raises:
            UserError: if there is none of that name.
        """
        name = self.grammar.parsed(strategy)
        return _CERTAIN if name.noise else _USES[name.kind]

    def answer(self, strategy: str, question: PairQuestion, meter: CostMeter) -> Outcome:
        """Bound what the question's claim is about.

        Raises:
            UserError: if there is no such strategy, or it has no way to.
        """
        name = self.grammar.parsed(strategy)
        self.require_way_to(strategy, question.claim, weighted=False)
        if name.screen is None:
            if name.kind == BRUTE_FORCE:
                return brute_force(question, meter, "pairs")
            return iid(question, meter)
        if name.kind == ENTRIES:
            rank = self.grammar.rank(name.screen, question.task.size) or 0
            if name.noise:
                return entries_by(name.noise, question, rank, meter)
            return entries(question, rank, meter)
        on_all = name.kind != CASCADE
        screen = made_screen(self.grammar, name.screen, question, meter, on_all=on_all)
        return _ON_SCREENS[name.kind](screen, question, meter)

    def require_way_to(self, strategy: str, claim: Claim, *, weighted: bool) -> None:
        """Refuse a claim, or a prior, that no strategy here bounds.

        Raises:
            UserError: in one sentence; also if there is no such strategy.
        """
        self.grammar.parsed(strategy)
        require_not_of_rows(claim)
        if claim.kind == "loss":
            raise UserError("over pairs the accuracy and margins are bounded, not a loss")
        if weighted:
            raise UserError("all pairs are equally likely here; leave the prior out")

    def repeats_inputs(self, strategy: str) -> bool:
        """Whether it draws its budget from all pairs, with replacement."""
        return self.grammar.parsed(strategy).kind in (IID, CASCADE)
