"""What the strategies of induction are called; light enough for who only names them.

NAME := auto | brute-force | iid | pairs | tree[:NODES] | hybrid[:pairs|:tree[:NODES]]
      | cascade[:factored|:soft]
"""

from __future__ import annotations

from dataclasses import dataclass

from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError

BRUTE_FORCE, IID, HYBRID, CASCADE = "brute-force", "iid", "hybrid", "cascade"
PAIRS, TREE, FACTORED, SOFT = "pairs", "tree", "factored", "soft"
NODES, MOST_NODES = 1000, 10**9 - 1
NOISE_CHOICES: tuple[str, ...] = ()


@dataclass(frozen=True)
class Name:
    """A name taken apart: `kind` is that of a screen where it stands alone."""

    kind: str
    screen: str = ""
    nodes: int = 0


def parsed(name: str) -> Name:
    """A name taken apart.

    Raises:
        UserError: if there is none of that name.
    """
    if name in (AUTO, BRUTE_FORCE, IID):
        return Name(name)
    kind, colon, rest = name.partition(":")
    if kind == CASCADE and (not colon or rest in (FACTORED, SOFT)):
        return Name(CASCADE, rest or FACTORED)
    if kind == HYBRID:
        return Name(HYBRID, *_screen(rest if colon else PAIRS, name))
    screen, nodes = _screen(name, name)
    return Name(screen, screen, nodes)


def _screen(text: str, name: str) -> tuple[str, int]:
    base, colon, number = text.partition(":")
    if text == PAIRS:
        return PAIRS, 0
    numbered = number.isascii() and number.isdigit() and len(number) <= 9 and int(number) > 0
    if base != TREE or (colon and not numbered):
        raise UserError(f"there is no strategy {name!r}; choose from {strategy_summary()}")
    return TREE, int(number) if colon else NODES


def strategy_names() -> list[str]:
    """Every name but auto, and but those with a number."""
    hybrids = [HYBRID, f"{HYBRID}:{PAIRS}", f"{HYBRID}:{TREE}"]
    cascades = [CASCADE, f"{CASCADE}:{FACTORED}", f"{CASCADE}:{SOFT}"]
    return [BRUTE_FORCE, IID, PAIRS, TREE, *hybrids, *cascades]


def strategy_summary() -> str:
    """The names of all strategies, numbers as what they are called."""
    return (
        f"{BRUTE_FORCE}, {IID}, {PAIRS}, {TREE}[:NODES], {HYBRID}[:{PAIRS}|:{TREE}[:NODES]], "
        f"{CASCADE}[:{FACTORED}|:{SOFT}]"
    )
