"""The screens over pairs by name: how they are made of their settings, and what they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.contract.cost import CostMeter
from probbound.strategies.on_screens import Enumerable
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.screens.frame_proposal import frame_proposal_flops
from probbound.tasks.pairs.screens.gate_directions import directions_flops
from probbound.tasks.pairs.screens.gate_proposal import gates_flops
from probbound.tasks.pairs.screens.gates import GatesScreen
from probbound.tasks.pairs.screens.low_rank import LowRankScreen, table_flops
from probbound.tasks.pairs.screens.rank_proposal import proposal_flops
from probbound.tasks.pairs.screens.room import (
    gates_numbers,
    low_rank_numbers,
    require_held,
)
from probbound.tasks.pairs.screens.rotating import (
    RotatingFrame,
)
from probbound.tasks.pairs.screens.wave_proposal import wave_proposal_flops
from probbound.tasks.pairs.screens.weight_space import integral_screen, norms_screen

Settings = Mapping[str, Any]  # of a level of a recipe


@dataclass(frozen=True)
class ScreenKind:
    """A screen that settings make.

    `built` makes it, or refuses the settings. `proposed` says what its proposal takes, and
    `tables` what making it takes beside: those who run it on all pairs book it with them.
    """

    name: str
    built: Callable[[PairQuestion, Settings], Enumerable]
    proposed: Callable[[PairQuestion, Any], int]
    tables: Callable[[Any], int]

    def made(
        self, question: PairQuestion, settings: Settings, meter: CostMeter, *, on_all: bool
    ) -> Enumerable:
        """The screen; what is folded and proposed for it is paid for.

        So are its tables, unless it is to be run `on_all` pairs.

        Raises:
            UserError: if the settings cannot be used.
        """
        with meter.phase(f"{self.name}: proposal", "proof") as phase:
            screen = self.built(question, settings)
            phase.flops += question.folding_flops + self.proposed(question, screen)
            phase.flops += 0 if on_all else self.tables(screen)
        return screen


def _beside(question: PairQuestion, settings: Settings) -> int:
    """As many directions beside the waves as are wanted, or as there are."""
    folded = question.folded
    there = min(folded.n_features, folded.n_classes) - 2 * settings["waves"]
    return max(0, min(settings["beside"], there))


def _low_rank(question: PairQuestion, settings: Settings) -> Enumerable:
    values = question.task.answers
    require_held("low-rank", values, low_rank_numbers(values))
    return LowRankScreen.of(question.folded, settings["rank"], question.claim.margin)


def _gates(question: PairQuestion, settings: Settings) -> Enumerable:
    values = question.task.answers
    require_held("gates", values, gates_numbers(values, settings["rank"], settings["levels"]))
    return GatesScreen.of(
        *(question.folded, settings["rank"], settings["levels"]),
        exact_tail=False,
        margin=question.claim.margin,
    )


def _rotating_frame(question: PairQuestion, settings: Settings) -> Enumerable:
    beside = _beside(question, settings)
    return RotatingFrame.of(question.folded, settings["waves"], beside, question.claim.margin)


def _of_rank(question: PairQuestion, screen: Any) -> int:
    return proposal_flops(question.folded, screen.rank)


def _of_gates(question: PairQuestion, screen: Any) -> int:
    directions = directions_flops(question.folded, screen.rank)
    return directions + gates_flops(screen.scaled, screen.gates)


def _of_frame(question: PairQuestion, screen: Any) -> int:
    return frame_proposal_flops(question.folded, screen.frame.sizes.shape[1], len(screen.others))


def _of_waves(question: PairQuestion, screen: Any) -> int:
    return wave_proposal_flops(question.folded)


def _stated_tables(screen: Any) -> int:
    return screen.table_flops


LOW_RANK = ScreenKind("low-rank", _low_rank, _of_rank, lambda s: table_flops(s.scaled, s.rank))
GATES = ScreenKind("gates", _gates, _of_gates, _stated_tables)
ROTATING_FRAME = ScreenKind("rotating-frame", _rotating_frame, _of_frame, _stated_tables)
INTEGRAL = ScreenKind(
    "integral",
    lambda question, _: integral_screen(question.folded, question.claim.margin),
    _of_waves,
    _stated_tables,
)
NORMS = ScreenKind(
    "norms",
    lambda question, _: norms_screen(question.folded, question.claim.margin),
    _of_waves,
    _stated_tables,
)
SCREENS = {kind.name: kind for kind in (LOW_RANK, GATES, ROTATING_FRAME, INTEGRAL, NORMS)}
