"""What the strategies of this task are called."""

from __future__ import annotations

from probbound.tasks.pairs.grammar import ENTRIES_CHOICES, PairGrammar, Usual


def _half_turns(values: int) -> int:
    return (values - 1) // 2


NOISE_CHOICES = ENTRIES_CHOICES
GRAMMAR = PairGrammar(
    {
        "low-rank": Usual(16),
        "gates": Usual(16),
        "rotating-frame": Usual(12, most=_half_turns),
        "integral": None,
        "norms": None,
    },
    structure="gates",
)
strategy_names = GRAMMAR.strategy_names
strategy_summary = GRAMMAR.strategy_summary
