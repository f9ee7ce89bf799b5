"""The strategies by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from probbound.cost import CostMeter
from probbound.errors import UserError
from probbound.screens.cubic import CubicScreen
from probbound.screens.screen import Screen
from probbound.strategies.brute_force import brute_force
from probbound.strategies.cascade import cascade
from probbound.strategies.outcome import Outcome, Question
from probbound.strategies.sampling import hybrid, iid, iid_from_tables, screened

SCREENS: dict[str, Callable[[Question], Screen]] = {
    "cubic": lambda question: CubicScreen(question.grid_points),
}
DEFAULT_SCREEN = "cubic"
AUTO = "auto"


@dataclass(frozen=True)
class Strategy:
    """A way to bound the accuracy.

    A deterministic one uses neither budget nor δ; a sequential one may stop at a target.
    """

    name: str
    deterministic: bool
    run: Callable[[Question, CostMeter], Outcome]
    sequential: bool = False


def strategy_named(name: str) -> Strategy:
    """The strategy `name`; `hybrid` alone means `hybrid:cubic`, `cascade` enumerates nothing.

    Raises:
        UserError: if there is none of that name.
    """
    if name == "brute-force":
        return Strategy(name, True, brute_force)
    if name == "iid":
        return Strategy(name, False, iid)
    if name == "iid:tables":
        return Strategy(name, False, iid_from_tables)
    if name in SCREENS:
        return Strategy(name, True, _on_screen(screened, name))
    if name == "cascade":
        return Strategy(name, False, partial(cascade, None), sequential=True)
    kind, _, screen = name.partition(":")
    if kind == "cascade" and screen in SCREENS:
        return Strategy(name, False, _on_screen(cascade, screen), sequential=True)
    if kind == "hybrid" and (screen or DEFAULT_SCREEN) in SCREENS and name != "hybrid:":
        return Strategy(name, False, _on_screen(hybrid, screen or DEFAULT_SCREEN))
    raise UserError(f"there is no strategy {name!r}; choose from {', '.join(strategy_names())}")


def strategy_names() -> list[str]:
    """Every name that `strategy_named` knows."""
    on_screens = [f"{kind}:{name}" for kind in ("hybrid", "cascade") for name in SCREENS]
    return ["brute-force", *SCREENS, "iid", "iid:tables", "hybrid", "cascade", *on_screens]


def _on_screen(
    run: Callable[[Screen, Question, CostMeter], Outcome], screen: str
) -> Callable[[Question, CostMeter], Outcome]:
    return partial(_build_and_run, run, SCREENS[screen])


def _build_and_run(
    run: Callable[[Screen, Question, CostMeter], Outcome],
    build: Callable[[Question], Screen],
    question: Question,
    meter: CostMeter,
) -> Outcome:
    return run(build(question), question, meter)
