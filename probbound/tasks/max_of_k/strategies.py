"""The strategies by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.strategies.outcome import Outcome
from probbound.tasks.max_of_k.methods.brute_force import brute_force
from probbound.tasks.max_of_k.methods.cascade import cascade
from probbound.tasks.max_of_k.methods.entries import entries, entries_by
from probbound.tasks.max_of_k.methods.ladder import RUNGS, is_sampled, ladder_screens
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
from probbound.tasks.max_of_k.screens.cubic import CubicScreen
from probbound.tasks.max_of_k.screens.screen import Screen
from probbound.tasks.max_of_k.strategy_names import AUTO, strategy_summary
from probbound.tasks.max_of_k.structured.deterministic import NOISE_CHOICES as ENTRIES_CHOICES

SCREENS: dict[str, Callable[[Question], Screen]] = {
    "cubic": lambda question: CubicScreen(
        question.grid_points, question.claim.margin, question.task.law
    ),
    **ladder_screens(),
}
DEFAULT_SCREEN = "cubic"
LOSS_STRATEGIES = "brute-force, iid, iid:tables, hybrid or a deterministic screen such as cubic"


@dataclass(frozen=True)
class Strategy:
    """A way to bound the accuracy.

    A deterministic one uses neither budget nor δ; a sequential one may stop at a target; one that
    samples no inputs uses no budget. One that is not `general` answers for the accuracy under a
    uniform prior only; `loss` bounds the mean loss, where there is a way to. One with `margins`
    bounds shares with a margin under a uniform prior. One that chooses paths samples noise on
    them jointly or separately. One that repeats inputs draws its budget from all of them, with
    replacement.
    """

    name: str
    deterministic: bool
    run: Callable[[Question, CostMeter], Outcome]
    sequential: bool = False
    chooses_paths: bool = False
    margins: bool = False
    samples_inputs: bool = True
    general: bool = False
    repeats_inputs: bool = False
    loss: Callable[[Question, CostMeter], Outcome] | None = None

    def answer(self, question: Question, meter: CostMeter) -> Outcome:
        """Bound what the question's claim is about.

        Raises:
            UserError: if the strategy has no way to.
        """
        self.require_meaning(question)
        run = self.loss if question.claim.kind == "loss" else self.run
        if run is None:
            raise TypeError(f"nothing answers a claim about {question.claim.kind}")
        return run(question, meter)

    def require_meaning(self, question: Question) -> None:
        """Refuse a claim or a prior that the strategy has no way to bound.

        Raises:
            UserError: naming one that has.
        """
        kind = question.claim.kind
        if kind == "loss" and self.loss is None:
            raise UserError(f"{self.name} cannot bound a loss; use {LOSS_STRATEGIES}")
        if kind == "margin" and not (self.general or self.margins):
            raise UserError(f"{self.name} bounds the accuracy only; use hybrid or cascade")
        if question.task.prior is not None and not self.general:
            raise UserError(f"{self.name} is for the uniform prior only; use hybrid or cascade")


def strategy_named(name: str) -> Strategy:
    """The strategy `name`; `hybrid` alone means `hybrid:cubic`, `cascade` enumerates nothing.

    Raises:
        UserError: if there is none of that name, or no such noise choice for that screen.
    """
    made = partial(Strategy, name, general=True)
    if name == "brute-force":
        return made(True, brute_force, loss=brute_force_loss, samples_inputs=False)
    if name == "iid":
        return made(False, iid, loss=iid_loss, repeats_inputs=True)
    if name == "iid:tables":
        return made(False, iid_from_tables, loss=iid_loss_from_tables, repeats_inputs=True)
    if name in SCREENS:
        run, loss = _on_screen(screened, name), _loss_on_screen(screened_loss, name)
        return made(not is_sampled(name), run, loss=loss, samples_inputs=False)
    if name == "cascade":
        return made(False, partial(cascade, None), sequential=True, repeats_inputs=True)
    kind, _, screen = name.partition(":")
    if kind == "cascade" and screen in SCREENS:
        return made(False, _on_screen(cascade, screen, sampling=0.5), sequential=True)
    if kind == "entries":
        return _entries(name, screen)
    screen = screen or DEFAULT_SCREEN
    if kind == "hybrid" and screen in SCREENS and name != "hybrid:":
        loss = _loss_on_screen(hybrid_loss, screen)
        return made(False, _on_screen(hybrid, screen, sampling=0.5), loss=loss)
    base, _, noise = name.removeprefix("hybrid:").partition(":")
    if base in RUNGS and noise:
        choices = ", ".join(RUNGS[base].noise)
        raise UserError(f"{base} cannot bound its noise by {noise!r}; choose from {choices}")
    raise UserError(f"there is no strategy {name!r}; choose from {strategy_summary()}")


def _entries(name: str, variant: str) -> Strategy:
    if name in ("entries", "entries:counted"):
        run = partial(entries, counted=variant == "counted")
        return Strategy(name, False, run, chooses_paths=True, margins=True)
    if variant in ENTRIES_CHOICES:
        run = partial(entries_by, variant)
        return Strategy(name, True, run, margins=True, samples_inputs=False)
    choices = ", ".join(("counted", *ENTRIES_CHOICES))
    raise UserError(f"entries has no variant {variant!r}; choose from {choices}")


def with_noise(strategy: str, noise: str) -> str:
    """`strategy` with that treatment of its noise; as it is if it takes none, or names one."""
    named = f"{strategy}:{noise}"
    return named if named in strategy_names() else strategy


def shortest_name(strategy: str) -> str:
    """The shortest of the names that mean the same: the default screen and noise left out."""
    kind, _, screen = strategy.partition(":")
    if strategy == f"hybrid:{DEFAULT_SCREEN}":
        return kind
    outer = f"{kind}:" if kind in ("hybrid", "cascade") else ""
    base, _, noise = (screen if outer else strategy).partition(":")
    return outer + base if base in RUNGS and noise == RUNGS[base].noise[0] else strategy


def uses_delta(strategy: str) -> bool:
    """Whether a strategy, or what is planned in its place, may spend δ."""
    return strategy == AUTO or not strategy_named(strategy).deterministic


def counts_on_grids(strategy: str) -> bool:
    """Whether a strategy, or what is planned in its place, may count on a grid."""
    return strategy == AUTO or parts(strategy)[1] == "cubic"


def parts(strategy: str) -> tuple[str, str]:
    """What a strategy does (iid, hybrid, cascade, or screen), and on which screen, if any."""
    kind, _, rest = strategy.partition(":")
    if kind == "iid":
        return kind, ""
    if kind in ("hybrid", "cascade"):
        return kind, rest or (DEFAULT_SCREEN if kind == "hybrid" else "")
    return "screen", strategy


def strategy_names() -> list[str]:
    """Every name that `strategy_named` knows."""
    hybrids = [f"hybrid:{name}" for name in SCREENS]
    cascades = [f"cascade:{name}" for name in SCREENS]
    structured = ["entries", "entries:counted", *(f"entries:{name}" for name in ENTRIES_CHOICES)]
    sampled = ["iid", "iid:tables", *structured, "hybrid", "cascade"]
    return ["brute-force", *SCREENS, *sampled, *hybrids, *cascades]


def _on_screen(
    run: Callable[[Screen, Question, CostMeter], Outcome], screen: str, sampling: float = 0.0
) -> Callable[[Question, CostMeter], Outcome]:
    """`run` on a screen that may spend all of δ but the share `sampling`."""
    return partial(_build_and_run, run, SCREENS[screen], 1 - sampling)


def _loss_on_screen(
    run: Callable[[Build, Question, CostMeter], Outcome], screen: str
) -> Callable[[Question, CostMeter], Outcome] | None:
    """`run` on a screen at several margins; not on one that spends δ."""
    return None if is_sampled(screen) else partial(run, SCREENS[screen])


def _build_and_run(
    run: Callable[[Screen, Question, CostMeter], Outcome],
    build: Callable[[Question], Screen],
    share: float,
    question: Question,
    meter: CostMeter,
) -> Outcome:
    screen = build(replace(question, delta=share * question.delta))
    return run(screen, question, meter)
