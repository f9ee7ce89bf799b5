"""What the strategies are called: a grammar, light enough for who only has to name them.

NAME   := auto | brute-force | iid[:tables] | SCREEN | hybrid[:SCREEN] | cascade[:SCREEN]
        | entries[:counted | :NOISE]
SCREEN := cubic | sub-cubic[:no-mean-diff] | RUNG[:NOISE]
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError

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
ENTRIES_CHOICES = (
    "exact",
    "max-diff",
    "second-moments",
    "svd",
    "subproduct",
    "frobenius",
    "recursive",
)
_CHEAP_FIRST = ("subproduct", *(name for name in NOISE_CHOICES if name != "subproduct"))

DEFAULT_SCREEN = "cubic"
PLAIN_SCREENS = (DEFAULT_SCREEN, "sub-cubic", "sub-cubic:no-mean-diff")
RUNG_NOISE: dict[str, tuple[str, ...]] = {  # the first is what the name of the rung alone means
    "low-rank-qk": _CHEAP_FIRST,
    "low-rank-eu": _CHEAP_FIRST,
    "low-rank-qk-eu": _CHEAP_FIRST,
    "quadratic-qk": LINEAR_CHOICES,
    "quadratic-qk-eu": LINEAR_CHOICES,
}
_ALONE = ("brute-force", "iid", AUTO)
_ON_SCREENS = ("hybrid", "cascade")


@dataclass(frozen=True)
class ScreenName:
    """The name of a screen, and how its noise is bounded, "" for its own way, or if it has none."""

    base: str
    noise: str = ""

    @property
    def text(self) -> str:
        """As it was written."""
        return f"{self.base}:{self.noise}" if self.noise else self.base

    @property
    def own_noise(self) -> str:
        """How its noise is bounded if the name does not say, "" if it has none."""
        return RUNG_NOISE.get(self.base, ("",))[0]

    @property
    def sampled(self) -> bool:
        """Whether it spends δ."""
        return self.noise in SAMPLED_CHOICES


@dataclass(frozen=True)
class Name:
    """A name taken apart: what is done, on which screen if any, or in which variant."""

    kind: str
    screen: ScreenName | None = None
    variant: str = ""

    @property
    def sampled_screen(self) -> bool:
        """Whether it rests on a screen that spends δ."""
        return self.screen is not None and self.screen.sampled

    @property
    def on_grids(self) -> bool:
        """Whether it may count on a grid."""
        return self.screen is not None and self.screen.text == DEFAULT_SCREEN


def parsed(name: str) -> Name:
    """A name taken apart; `hybrid` alone means `hybrid:cubic`, `cascade` enumerates nothing.

    Raises:
        UserError: if there is none of that name, or no such noise choice for that screen.
    """
    if name in _ALONE:
        return Name(name)
    if name == "iid:tables":
        return Name("iid", variant="tables")
    kind, colon, rest = name.partition(":")
    if kind == "entries":
        return _entries(rest, colon)
    if kind in _ON_SCREENS and not colon:
        return Name(kind, ScreenName(DEFAULT_SCREEN) if kind == "hybrid" else None)
    outer = kind in _ON_SCREENS
    return Name(kind if outer else "screen", _screen(rest if outer else name, name))


def strategy_parsed(name: str) -> Name:
    """The name of a strategy, taken apart.

    Raises:
        UserError: as `parsed`, and for "auto", which only stands for one.
    """
    found = parsed(name)
    if found.kind == AUTO:
        raise UserError(f"{AUTO} is no strategy of its own; a plan puts one in its place")
    return found


def _screen(text: str, name: str) -> ScreenName:
    if text in PLAIN_SCREENS:
        return ScreenName(text)
    base, colon, noise = text.partition(":")
    if base in RUNG_NOISE and (not colon or noise in RUNG_NOISE[base]):
        return ScreenName(base, noise)
    if base in RUNG_NOISE and noise:
        choices = ", ".join(RUNG_NOISE[base])
        raise UserError(f"{base} cannot bound its noise by {noise!r}; choose from {choices}")
    raise UserError(f"there is no strategy {name!r}; choose from {strategy_summary()}")


def _entries(variant: str, colon: str) -> Name:
    choices = ("counted", *ENTRIES_CHOICES)
    if colon and variant not in choices:
        raise UserError(f"entries has no variant {variant!r}; choose from {', '.join(choices)}")
    return Name("entries", variant=variant)


def with_noise(strategy: str, noise: str) -> str:
    """`strategy` with that treatment of its noise; as it is if it takes none, or names one."""
    name = parsed(strategy)
    if name.kind == "entries" and not name.variant and noise in ENTRIES_CHOICES:
        return f"{strategy}:{noise}"
    screen = name.screen
    if screen is None or screen.noise or noise not in RUNG_NOISE.get(screen.base, ()):
        return strategy
    outer = f"{name.kind}:" if name.kind in _ON_SCREENS else ""
    return outer + replace(screen, noise=noise).text


def screen_names() -> list[str]:
    """Every screen."""
    rungs = (
        ScreenName(base, noise).text
        for base, choices in RUNG_NOISE.items()
        for noise in ("", *choices)
    )
    return [*PLAIN_SCREENS, *rungs]


def strategy_names() -> list[str]:
    """Every name but auto, shorter and longer forms of one among them."""
    screens = screen_names()
    structured = ["entries", "entries:counted", *(f"entries:{name}" for name in ENTRIES_CHOICES)]
    sampled = ["iid", "iid:tables", *structured, *_ON_SCREENS]
    on_screens = [f"{kind}:{name}" for kind in _ON_SCREENS for name in screens]
    return ["brute-force", *screens, *sampled, *on_screens]


def strategy_summary() -> str:
    """The names of all strategies, without every choice of noise spelt out."""
    sampled = ("iid[:tables]", "entries[:counted|:NOISE]", "hybrid[:SCREEN]", "cascade[:SCREEN]")
    plain = ", ".join(("brute-force", *PLAIN_SCREENS, *RUNG_NOISE, *sampled))
    return (
        f"{plain} (low-rank and quadratic screens take :NOISE, one of {', '.join(NOISE_CHOICES)})"
    )
