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
from probbound.strategies.ladder import NOISE_CHOICES, RUNGS, is_sampled, ladder_screens
from probbound.strategies.outcome import Outcome, Question
from probbound.strategies.sampling import hybrid, iid, iid_from_tables, screened

SCREENS: dict[str, Callable[[Question], Screen]] = {
    "cubic": lambda question: CubicScreen(question.grid_points),
    **ladder_screens(),
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
        UserError: if there is none of that name, or no such noise choice for that screen.
    """
    if name == "brute-force":
        return Strategy(name, True, brute_force)
    if name == "iid":
        return Strategy(name, False, iid)
    if name == "iid:tables":
        return Strategy(name, False, iid_from_tables)
    if name in SCREENS:
        return Strategy(name, not is_sampled(name), _on_screen(screened, name))
    if name == "cascade":
        return Strategy(name, False, partial(cascade, None), sequential=True)
    kind, _, screen = name.partition(":")
    if kind == "cascade" and screen in SCREENS:
        return Strategy(name, False, _on_screen(cascade, screen, sampling=0.5), sequential=True)
    if kind == "hybrid" and (screen or DEFAULT_SCREEN) in SCREENS and name != "hybrid:":
        return Strategy(name, False, _on_screen(hybrid, screen or DEFAULT_SCREEN, sampling=0.5))
    base, _, noise = name.removeprefix("hybrid:").partition(":")
    if base in RUNGS and noise:
        choices = ", ".join(RUNGS[base].noise)
        raise UserError(f"{base} cannot bound its noise by {noise!r}; choose from {choices}")
    raise UserError(f"there is no strategy {name!r}; choose from {strategy_summary()}")


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
    return ["brute-force", *SCREENS, "iid", "iid:tables", "hybrid", "cascade", *hybrids, *cascades]


def strategy_summary() -> str:
    """The names without every choice of noise spelt out."""
    screens = [name for name in SCREENS if name.partition(":")[0] not in RUNGS or ":" not in name]
    plain = ", ".join(
        ["brute-force", *screens, "iid[:tables]", "hybrid[:SCREEN]", "cascade[:SCREEN]"]
    )
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
