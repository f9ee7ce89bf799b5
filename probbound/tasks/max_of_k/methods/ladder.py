"""The ladder of deterministic proofs by name: which paths are split, and how noise is bounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from probbound.noise.contract import Settings
from probbound.tasks.max_of_k.grammar import RUNG_NOISE
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.ladder import LadderScreen
from probbound.tasks.max_of_k.screens.paths import Treatment

LadderBuilder = Callable[[Question], LadderScreen]


@dataclass(frozen=True)
class Rung:
    """Ranks of the structure taken out of the split paths (0: multiplied out), and the choices.

    The first of `noise` is what the name alone means; `NAME:CHOICE` names another.
    """

    score_rank: int
    direct_rank: int
    noise: tuple[str, ...]

    def screen(self, name: str, noise: str, question: Question) -> LadderScreen:
        """The screen; δ is shared equally among the paths whose noise is sampled."""
        ranks = {"attention": self.score_rank, "direct": self.direct_rank}
        split = [path for path, rank in ranks.items() if rank]
        log_delta = math.log(question.delta / len(split))
        treatments = {
            path: Treatment(
                noise, ranks[path], Settings(question.stream.fold_in(path), log_delta=log_delta)
            )
            for path in split
        }
        screen = LadderScreen(name, treatments.get("attention"), treatments.get("direct"))
        return _for_question(screen, question)


_RANKS = {
    "low-rank-qk": (1, 0),
    "low-rank-eu": (0, 4),
    "low-rank-qk-eu": (1, 4),
    "quadratic-qk": (4, 0),
    "quadratic-qk-eu": (4, 4),
}
RUNGS = {name: Rung(*_RANKS[name], noise) for name, noise in RUNG_NOISE.items()}


def _for_question(screen: LadderScreen, question: Question) -> LadderScreen:
    return replace(screen, margin=question.claim.margin, law=question.task.law)


def ladder_screens() -> dict[str, LadderBuilder]:
    """Every screen of the ladder by name."""
    found: dict[str, LadderBuilder] = {
        "sub-cubic": partial(_for_question, LadderScreen("sub-cubic")),
        "sub-cubic:no-mean-diff": partial(
            _for_question, LadderScreen("sub-cubic:no-mean-diff", mean_diff=False)
        ),
    }
    for name, rung in RUNGS.items():
        for noise in ("", *rung.noise):
            full = f"{name}:{noise}" if noise else name
            meant = noise or rung.noise[0]
            found[full] = partial(rung.screen, f"{name}:{meant}", meant)
    return found
