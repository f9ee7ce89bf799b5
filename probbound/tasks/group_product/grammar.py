"""What the strategies of this task are called."""

from __future__ import annotations

from probbound.tasks.pairs.grammar import PairGrammar, Usual

NOISE_CHOICES: tuple[str, ...] = ()
GRAMMAR = PairGrammar({"low-rank": Usual(24)})
strategy_names = GRAMMAR.strategy_names
strategy_summary = GRAMMAR.strategy_summary
