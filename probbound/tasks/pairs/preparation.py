"""Screens of a question, made and paid for once, whoever asks for them (Theorem 4.25)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from probbound.contract.cost import CostMeter
from probbound.contract.memo import Key
from probbound.strategies.on_screens import Enumerable
from probbound.tasks.pairs.grammar import PairGrammar, ScreenName
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.recipes import PairRecipes
from probbound.tasks.pairs.screens.registry import SCREENS


@dataclass(frozen=True)
class _ScreenOf(Key[Enumerable]):
    name: str
    settings: tuple[tuple[str, Any], ...]
    margin: float
    on_all: bool


def made_screen(
    grammar: PairGrammar,
    screen: ScreenName,
    question: PairQuestion,
    meter: CostMeter,
    *,
    on_all: bool,
) -> Enumerable:
    """The screen of that name, of the question's network and claim.

    What is folded and proposed for it is booked, and its tables, unless it is to be run `on_all`
    pairs, which books them.

    Raises:
        UserError: if its settings cannot be used.
    """
    settings = PairRecipes(grammar).settings(screen, question.task.size)

    def build(meter: CostMeter) -> Enumerable:
        return SCREENS[screen.base].made(question, settings, meter, on_all=on_all)

    key = _ScreenOf(screen.base, tuple(settings.items()), question.claim.margin, on_all)
    return question.memo.get(key, build, meter)
