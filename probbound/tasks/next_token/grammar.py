"""What the strategies over rows of tokens are called; light enough for who only names them."""

from __future__ import annotations

from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError

BRUTE_FORCE, IID = "brute-force", "iid"
NOISE_CHOICES: tuple[str, ...] = ()


def require_strategy(name: str) -> str:
    """The name, if there is such a strategy.

    Raises:
        UserError: with those that there are.
    """
    if name not in (AUTO, BRUTE_FORCE, IID):
        raise UserError(f"there is no strategy {name!r}; choose from {strategy_summary()}")
    return name


def strategy_names() -> list[str]:
    """Every name but auto."""
    return [BRUTE_FORCE, IID]


def strategy_summary() -> str:
    """The names of all strategies."""
    return ", ".join(strategy_names())
