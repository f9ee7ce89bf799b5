"""What a framework's way to say a transformer has to give."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from probbound.models.transformer.architecture import Architecture

Settings = Mapping[str, Any]
Shapes = Mapping[str, tuple[int, ...]]
Convert = Callable[..., np.ndarray]


def as_is(values: np.ndarray) -> np.ndarray:
    """The same array."""
    return values


@dataclass(frozen=True)
class Step:
    """An array under its name here, made of the framework's arrays under theirs.

    Where none of `sources` is in the file `otherwise` is taken, and where none of these is either
    the array is left out, or refused if it is `needed`; some of them alone are refused.
    """

    target: str
    sources: tuple[str, ...]
    convert: Convert = as_is
    otherwise: tuple[str, ...] = ()
    needed: bool = False


def none_tied(settings: Settings, names: Collection[str]) -> Mapping[str, str]:
    """Every array is its own."""
    return {}


def none_aside(name: str) -> bool:
    """Every array is of the network."""
    return False


def require_nothing(state: Mapping[str, np.ndarray], architecture: Architecture) -> None:
    """Of a framework that keeps nothing beside weights."""


@dataclass(frozen=True)
class Dialect:
    """A framework's configuration and names of arrays.

    `speaks` tells by the names of all arrays, without what stands before every one of them, and by
    the configuration, that a file is in it. `prefixes` may stand before the names. `architecture`
    reads the configuration key by key and refuses by name what it does not know, given the shapes
    of the arrays. `steps` make all arrays of such an architecture. `idle` tells by its name that an
    array changes nothing: a mask, a table that is worked out; `aside` that it makes other outcomes
    than those that are computed, so that it is left out and named. Of two names that are `tied` the
    framework makes one array, whichever of them is in the file. `require` refuses idle arrays if
    they are those of another network.
    """

    name: str
    speaks: Callable[[Collection[str], Settings], bool]
    prefixes: tuple[str, ...]
    architecture: Callable[[Settings, Shapes], Architecture]
    steps: Callable[[Architecture], Iterable[Step]]
    idle: Callable[[str], bool]
    require: Callable[[Mapping[str, np.ndarray], Architecture], None] = require_nothing
    aside: Callable[[str], bool] = none_aside
    tied: Callable[[Settings, Collection[str]], Mapping[str, str]] = none_tied
