"""The ladder of deterministic proofs by name: which paths are split, and how noise is bounded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from probbound.noise.contract import Settings
from probbound.screens.ladder import LadderScreen
from probbound.screens.paths import Treatment
from probbound.strategies.outcome import Question

LadderBuilder = Callable[[Question], LadderScreen]
NOISE_CHOICES = (
    "exact",
    "max-diff",
    "second-moments",
    "svd",
    "subproduct",
    "recursive",
    "frobenius",
    "sketch",
)
LINEAR_CHOICES = ("recursive", "frobenius", "sketch")
SAMPLED_CHOICES = ("sketch",)


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


_CHEAP_FIRST = ("subproduct", *(name for name in NOISE_CHOICES if name != "subproduct"))
RUNGS: dict[str, Rung] = {
    "low-rank-qk": Rung(1, 0, _CHEAP_FIRST),
    "low-rank-eu": Rung(0, 4, _CHEAP_FIRST),
    "low-rank-qk-eu": Rung(1, 4, _CHEAP_FIRST),
    "quadratic-qk": Rung(4, 0, LINEAR_CHOICES),
    "quadratic-qk-eu": Rung(4, 4, LINEAR_CHOICES),
}


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
            found[full] = partial(rung.screen, full, noise or rung.noise[0])
    return found


def is_sampled(name: str) -> bool:
    """Whether the screen `name` spends δ."""
    return name.rpartition(":")[2] in SAMPLED_CHOICES
