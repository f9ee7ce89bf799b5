"""What a study is: a question, a grid, measurements as rows, a figure and what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from matplotlib.figure import Figure

from probbound.machine.errors import UserError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = dict[str, Any]
Grid = TypeVar("Grid", bound="DataclassInstance")
_MODULES = {
    "frontier": "frontier",
    "frontier_pairs": "frontier",
    "law": "law",
    "delta": "delta",
    "paths": "paths",
    "noise_budget": "noise_budget",
    "noise_budget_pairs": "noise_budget",
    "reuse": "reuse",
    "universal": "universal",
    "scaling": "scaling",
    "coverage": "coverage",
    "suppression": "suppression",
    "checkpoints": "checkpoints",
    "grokking": "grokking",
    "logit_error": "logit_error",
    "layers": "layers",
    "layers_16": "layers",
    "structure_penalty": "structure_penalty",
}
"""Where each study is; two of one module ask the same of other grids."""
NAMES = tuple(_MODULES)


@dataclass(frozen=True)
class Study(Generic[Grid]):
    """One experiment.

    `grid` is a dataclass whose fields are the keys of the study's table in the configuration;
    `measure` takes it and a directory for what is worth keeping if the run is interrupted, and
    gives one row per measurement, all with the same keys; `draw` and `found` make the figure and
    the paragraph from the rows alone.
    """

    question: str
    grid: type[Grid]
    measure: Callable[[Grid, Path], list[Row]]
    draw: Callable[[list[Row]], Figure]
    found: Callable[[list[Row]], str]

    def grid_from(self, given: Mapping[str, Any], source: str) -> Grid:
        """The grid that a configuration asks for; lists become tuples.

        Raises:
            UserError: if a key is missing or unknown.
        """
        known = {field.name for field in fields(self.grid)}
        for name in sorted(known ^ set(given)):
            wrong = "lacks" if name in known else "has the unknown key"
            raise UserError(f"{source} {wrong} {name!r}; the keys are {', '.join(sorted(known))}")
        return self.grid(**{name: _frozen(value) for name, value in given.items()})


def study_named(name: str) -> Study:
    """The study of that name.

    Raises:
        UserError: if there is none.
    """
    if name not in NAMES:
        raise UserError(f"there is no study {name!r}; choose from {', '.join(NAMES)}")
    return import_module(f"studies.{_MODULES[name]}").STUDY


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
