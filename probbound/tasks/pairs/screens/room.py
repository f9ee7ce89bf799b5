"""How many numbers screens of tables hold at once, and where that is too much."""

from __future__ import annotations

from probbound.machine.errors import UserError

MOST_NUMBERS = 1 << 30  # 9 GB of float64


def low_rank_numbers(values: int) -> int:
    """What `low-rank` holds for so many values of an operand, nearly."""
    return 8 * values**2


def gates_numbers(values: int, rank: int, levels: int) -> int:
    """What `gates` holds: points and losses for each operand and difference, and sums of them."""
    return (3 * (rank + 1) + 4 * levels) * values**2


def require_held(screen: str, values: int, numbers: int) -> None:
    """Refuse a screen whose tables of all pairs are too large.

    Raises:
        UserError: naming how much it would hold, and what needs no such tables.
    """
    if numbers > MOST_NUMBERS:
        raise UserError(
            f"{screen} on {values:,} values of each operand would hold tables of all pairs, about "
            f"{8e-9 * numbers:,.0f} GB, and {8e-9 * MOST_NUMBERS:.0f} GB are allowed; take fewer "
            "values, or draws that need no such tables: iid, or cascade:rotating-frame for sums"
        )
