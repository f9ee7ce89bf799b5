"""The strategies by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from probbound.cost import CostMeter
from probbound.errors import UserError
from probbound.screens.cubic import CubicScreen
from probbound.screens.screen import Screen
from probbound.strategies.brute_force import brute_force
from probbound.strategies.cascade import cascade
from probbound.strategies.entries import entries, entries_by
from probbound.strategies.ladder import NOISE_CHOICES, RUNGS, is_sampled, ladder_screens
from probbound.strategies.outcome import Outcome, Question
from probbound.strategies.sampling import hybrid, iid, iid_from_tables, screened
from probbound.structured.deterministic import NOISE_CHOICES as ENTRIES_CHOICES

SCREENS: dict[str, Callable[[Question], Screen]] = {
    "cubic": lambda question: CubicScreen(question.grid_points),
    **ladder_screens(),
}
DEFAULT_SCREEN = "cubic"
AUTO = "auto"


@dataclass(frozen=True)
class Strategy:
    """A way to bound the accuracy.

    A deterministic one uses neither budget nor δ; a sequential one may stop at a target; one that
    chooses paths samples noise on them jointly or separately.
    """

    name: str
    deterministic: bool
    run: Callable[[Question, CostMeter], Outcome]
    sequential: bool = False
    chooses_paths: bool = False


def strategy_named(name: str) -> Strategy:
    """The strategy `name`; `hybrid` alone means `hybrid:cubic`, `cascade` enumerates nothing.

    Raises:
        UserError: if there is none of that name, or no such noise choice for that screen.
    """
    if name == "brute-force":
        return Strategy(name, True, brute_force)
    if name == "iid":
        return Strategy(name, False, iid)
    if name in ("entries", "entries:counted"):
        run = partial(entries, counted=name != "entries")
        return Strategy(name, False, run, chooses_paths=True)
    if name == "iid:tables":
        return Strategy(name, False, iid_from_tables)
    if name in SCREENS:
        return Strategy(name, not is_sampled(name), _on_screen(screened, name))
    if name == "cascade":
        return Strategy(name, False, partial(cascade, None), sequential=True)
    kind, _, screen = name.partition(":")
    if kind == "cascade" and screen in SCREENS and not is_sampled(screen):
        return Strategy(name, False, _on_screen(cascade, screen), sequential=True)
    if kind == "entries" and screen in ENTRIES_CHOICES:
        return Strategy(name, True, partial(entries_by, screen))
    if kind == "hybrid" and (screen or DEFAULT_SCREEN) in SCREENS and name != "hybrid:":
        return Strategy(name, False, _on_screen(hybrid, screen or DEFAULT_SCREEN, sampling=0.5))
    if kind == "entries":
        choices = ", ".join(("counted", *ENTRIES_CHOICES))
        raise UserError(f"entries has no variant {screen!r}; choose from {choices}")
    base, _, noise = name.removeprefix("hybrid:").partition(":")
    if base in RUNGS and noise:
        choices = ", ".join(RUNGS[base].noise)
        raise UserError(f"{base} cannot bound its noise by {noise!r}; choose from {choices}")
    raise UserError(f"there is no strategy {name!r}; choose from {strategy_summary()}")


def strategy_names() -> list[str]:
    """Every name that `strategy_named` knows."""
    hybrids = [f"hybrid:{name}" for name in SCREENS]
    cascades = [f"cascade:{name}" for name in SCREENS if not is_sampled(name)]
    structured = ["entries", "entries:counted", *(f"entries:{name}" for name in ENTRIES_CHOICES)]
    sampled = ["iid", "iid:tables", *structured, "hybrid", "cascade"]
    return ["brute-force", *SCREENS, *sampled, *hybrids, *cascades]


def strategy_summary() -> str:
    """The names without every choice of noise spelt out."""
    screens = [name for name in SCREENS if name.partition(":")[0] not in RUNGS or ":" not in name]
    sampled = ["iid[:tables]", "entries[:counted|:NOISE]", "hybrid[:SCREEN]", "cascade[:SCREEN]"]
    plain = ", ".join(["brute-force", *screens, *sampled])
    return (
        f"{plain} (low-rank and quadratic screens take :NOISE, one of {', '.join(NOISE_CHOICES)})"
    )


def _on_screen(
    run: Callable[[Screen, Question, CostMeter], Outcome], screen: str, sampling: float = 0.0
) -> Callable[[Question, CostMeter], Outcome]:
    """`run` on a screen that may spend all of δ but the share `sampling`."""
    return partial(_build_and_run, run, SCREENS[screen], 1 - sampling)


def _build_and_run(
    run: Callable[[Screen, Question, CostMeter], Outcome],
    build: Callable[[Question], Screen],
    share: float,
    question: Question,
    meter: CostMeter,
) -> Outcome:
    screen = build(replace(question, delta=share * question.delta))
    return run(screen, question, meter)
