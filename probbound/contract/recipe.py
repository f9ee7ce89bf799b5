"""What is run, as data: levels in a row, each with its own settings, and how many are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ENTRIES = "noise entries"  # a level that draws entries of a noise matrix in the place of inputs
Mode = Literal["enumerated", "passed through", "sampled"]
Settings = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True)
class RecipeLevel:
    """One check, how it is run, and all that decides what it does, nothing left to a default."""

    level: str
    mode: Mode
    settings: Settings = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON values; the settings stand beside name and mode."""
        return {"level": self.level, "mode": self.mode, **self.settings}

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.level} {self.mode}{_words(self.settings)}"


@dataclass(frozen=True)
class RecipeLaw:
    """What fixes the number of draws, or lets it be decided by how they fare."""

    law: str
    settings: Settings = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON values; the settings stand beside the name."""
        return {"law": self.law, **self.settings}

    @property
    def text(self) -> str:
        """For people."""
        return f"number of draws: {self.law}{_words(self.settings)}"


@dataclass(frozen=True)
class Recipe:
    """A strategy with every setting that decides something, and none that decides nothing.

    Two that mean the same are equal, so that a question has one seed (Theorem 6.1). `law` is None
    where nothing is drawn.
    """

    levels: tuple[RecipeLevel, ...]
    law: RecipeLaw | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        levels = [level.to_json() for level in self.levels]
        return {"levels": levels, "law": self.law and self.law.to_json()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_json` gives, of what keeps to the schema of certificates."""
        levels = tuple(
            RecipeLevel(level["level"], level["mode"], _without(level, ("level", "mode")))
            for level in found["levels"]
        )
        law = found["law"]
        return cls(levels, law and RecipeLaw(law["law"], _without(law, ("law",))))

    @property
    def text(self) -> str:
        """For people: the levels in order, and how many are drawn."""
        levels = ", then ".join(level.text for level in self.levels)
        return levels if self.law is None else f"{levels}; {self.law.text}"

    @property
    def budgeted(self) -> bool:
        """Whether a budget of inputs, or of what else is drawn, decides anything."""
        return any(level.mode == "sampled" for level in self.levels)

    @property
    def draws_entries(self) -> bool:
        """Whether what is drawn are entries of noise, not inputs."""
        return any(level.level == ENTRIES for level in self.levels)

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting by name."""
        parts = (*self.levels, *([self.law] if self.law else []))
        return {name: value for part in parts for name, value in part.settings.items()}


def _words(settings: Settings) -> str:
    """Settings that have a value, in brackets; what has none is left to be worked out."""
    said = [
        f"{name.replace('_', ' ')} {value}" for name, value in settings.items() if value is not None
    ]
    return f" ({', '.join(said)})" if said else ""


def _without(found: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name not in names}
