"""The strategies of max-of-K by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from probbound.contract.claims import ACCURACY, Claim
from probbound.contract.cost import CostMeter
from probbound.contract.defaults import AUTO
from probbound.contract.recipe import Recipe
from probbound.machine.errors import UserError
from probbound.strategies.outcome import Outcome
from probbound.tasks.accepted import require_not_of_rows
from probbound.tasks.max_of_k import grammar
from probbound.tasks.max_of_k.grammar import DEFAULT_SCREEN, Name
from probbound.tasks.max_of_k.methods.brute_force import brute_force
from probbound.tasks.max_of_k.methods.cascade import cascade
from probbound.tasks.max_of_k.methods.entries import entries, entries_by
from probbound.tasks.max_of_k.methods.ladder import ladder_screens
from probbound.tasks.max_of_k.methods.loss import (
    Build,
    brute_force_loss,
    hybrid_loss,
    iid_loss,
    iid_loss_from_tables,
    screened_loss,
)
from probbound.tasks.max_of_k.methods.sampling import hybrid, iid, iid_from_tables, screened
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.recipes import recipe_of
from probbound.tasks.max_of_k.screens.cubic import CubicScreen
from probbound.tasks.max_of_k.screens.screen import Screen
from probbound.tasks.max_of_k.settings import SETTINGS
from probbound.tasks.room import Uses

SCREENS: dict[str, Callable[[Question], Screen]] = {
    DEFAULT_SCREEN: lambda question: CubicScreen(
        question.grid_points, question.claim.margin, question.task.law
    ),
    **ladder_screens(),
}
LOSS_STRATEGIES = "brute-force, iid, iid:tables, hybrid or a deterministic screen such as cubic"


@dataclass(frozen=True)
class Strategy:
    """A way to bound the accuracy.

    A deterministic one uses neither budget nor δ; one that samples no inputs uses no budget.
    `settings` are those it has a use for. One that is not `general` answers for the accuracy under
    a uniform prior only; `loss` bounds the mean loss, where there is a way to. One with `margins`
    bounds shares with a margin under a uniform prior. One that repeats inputs draws its budget
    from all of them, with replacement.
    """

    name: str
    deterministic: bool
    run: Callable[[Question, CostMeter], Outcome]
    settings: frozenset[str] = frozenset()
    margins: bool = False
    samples_inputs: bool = True
    general: bool = False
    repeats_inputs: bool = False
    loss: Callable[[Question, CostMeter], Outcome] | None = None

    @property
    def sequential(self) -> bool:
        """Whether its drawing may stop, at a target or at an interruption."""
        return "target" in self.settings

    def answer(self, question: Question, meter: CostMeter) -> Outcome:
        """Bound what the question's claim is about.

        Raises:
            UserError: if the strategy has no way to.
        """
        self.require_way_to(question.claim, weighted=question.task.prior is not None)
        run = self.loss if question.claim.kind == "loss" else self.run
        if run is None:
            raise TypeError(f"nothing answers a claim about {question.claim.kind}")
        return run(question, meter)

    def require_way_to(self, claim: Claim, *, weighted: bool) -> None:
        """Refuse a claim, `weighted` by a prior or not, that the strategy has no way to bound.

        Raises:
            UserError: naming a strategy that has a way.
        """
        if claim.kind == "loss" and self.loss is None:
            raise UserError(f"{self.name} cannot bound a loss; use {LOSS_STRATEGIES}")
        if claim.kind == "margin" and not (self.general or self.margins):
            raise UserError(f"{self.name} bounds the accuracy only; use hybrid or cascade")
        if weighted and not self.general:
            raise UserError(f"{self.name} is for the uniform prior only; use hybrid or cascade")


def strategy_named(name: str) -> Strategy:
    """The strategy `name`.

    Raises:
        UserError: as `grammar.strategy_parsed`.
    """
    found = grammar.strategy_parsed(name)
    return _KINDS[found.kind](name, found)


def require_way_to(strategy: str, claim: Claim, *, weighted: bool) -> None:
    """Refuse a claim, or a prior, that a strategy or what is planned in its place cannot bound.

    Raises:
        UserError: if it cannot, whatever the network.
    """
    require_not_of_rows(claim)
    if strategy != AUTO:
        strategy_named(strategy).require_way_to(claim, weighted=weighted)
    elif claim != ACCURACY or weighted:
        raise UserError(f"{AUTO} plans for the accuracy under a uniform prior; name a strategy")


def uses(strategy: str) -> Uses:
    """What a strategy, or what is planned in its place, has a use for.

    Raises:
        UserError: if there is none of that name.
    """
    if strategy == AUTO:
        return Uses(True, True, frozenset({"budget_flops"}))
    known = strategy_named(strategy)
    return Uses(not known.deterministic, known.samples_inputs, known.settings)


def recipe(strategy: str, question: Question) -> Recipe:
    """What a strategy runs for a question.

    Raises:
        UserError: as `strategy_named`.
    """
    given = {setting.name: getattr(question, setting.name) for setting in SETTINGS}
    return recipe_of(strategy, question.task.size, given)


def _brute_force(text: str, name: Name) -> Strategy:
    run, loss = brute_force, brute_force_loss
    return Strategy(text, True, run, loss=loss, samples_inputs=False, general=True)


def _iid(text: str, name: Name) -> Strategy:
    run, loss = (iid_from_tables, iid_loss_from_tables) if name.variant else (iid, iid_loss)
    return Strategy(text, False, run, loss=loss, repeats_inputs=True, general=True)


def _screen(text: str, name: Name) -> Strategy:
    run = _on_screen(screened, name)
    loss = _loss_on_screen(screened_loss, name)
    return Strategy(
        *(text, not name.sampled_screen, run),
        settings=_grid(name),
        loss=loss,
        samples_inputs=False,
        general=True,
    )


def _hybrid(text: str, name: Name) -> Strategy:
    run, loss = _on_screen(hybrid, name, sampling=0.5), _loss_on_screen(hybrid_loss, name)
    return Strategy(text, False, run, settings=_grid(name), loss=loss, general=True)


def _cascade(text: str, name: Name) -> Strategy:
    alone = name.screen is None
    run = partial(cascade, None) if alone else _on_screen(cascade, name, sampling=0.5)
    settings = _grid(name) | {"target", "draws"}
    return Strategy(text, False, run, settings=settings, repeats_inputs=alone, general=True)


def _entries(text: str, name: Name) -> Strategy:
    if name.variant in ("", "counted"):
        run = partial(entries, counted=name.variant == "counted")
        return Strategy(text, False, run, settings=frozenset({"paths"}), margins=True)
    run = partial(entries_by, name.variant)
    return Strategy(text, True, run, margins=True, samples_inputs=False)


def _grid(name: Name) -> frozenset[str]:
    return frozenset({"grid_points"} if name.on_grids else ())


_KINDS: dict[str, Callable[[str, Name], Strategy]] = {
    "brute-force": _brute_force,
    "iid": _iid,
    "screen": _screen,
    "hybrid": _hybrid,
    "cascade": _cascade,
    "entries": _entries,
}


def _on_screen(
    run: Callable[[Screen, Question, CostMeter], Outcome], name: Name, sampling: float = 0.0
) -> Callable[[Question, CostMeter], Outcome]:
    """`run` on a screen that may spend all of δ but the share `sampling`."""
    return partial(_build_and_run, run, _build(name), 1 - sampling)


def _loss_on_screen(
    run: Callable[[Build, Question, CostMeter], Outcome], name: Name
) -> Callable[[Question, CostMeter], Outcome] | None:
    """`run` on a screen at several margins; not on one that spends δ."""
    return None if name.sampled_screen else partial(run, _build(name))


def _build(name: Name) -> Build:
    if name.screen is None:
        raise LookupError(f"{name.kind} has no screen")
    return SCREENS[name.screen.text]


def _build_and_run(
    run: Callable[[Screen, Question, CostMeter], Outcome],
    build: Callable[[Question], Screen],
    share: float,
    question: Question,
    meter: CostMeter,
) -> Outcome:
    screen = build(replace(question, delta=share * question.delta))
    return run(screen, question, meter)
