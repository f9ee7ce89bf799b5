"""Own claims of every population, kind, side and strategy, with what they are made from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

import probbound
from probbound import Cheap, Drawn, Left, Listed, Product, Sequences, Strata
from probbound.certificates.format import sealed, statement
from probbound.check import Report
from probbound.check.document import predicate_of
from probbound.check.own.given import given_by
from probbound.check.own.judge import judge_own


def sums(batch: Any) -> np.ndarray:
    """A number of each member, whatever it is."""
    return np.asarray(batch).reshape(len(batch), -1).sum(axis=1)


def good(batch: Any) -> np.ndarray:
    return sums(batch) % 7 != 3


def kinder(batch: Any) -> np.ndarray:
    return sums(batch) % 11 != 3


def cheap(batch: Any) -> np.ndarray:
    return sums(batch) % 7 >= 5


def cheaper(batch: Any) -> np.ndarray:
    return sums(batch) % 7 == 2


def always(batch: Any) -> list[bool]:
    return [True] * len(batch)


def never(batch: Any) -> np.ndarray:
    return np.zeros(len(batch), dtype=bool)


def measure(batch: Any) -> np.ndarray:
    return sums(batch) % 9 / 8.0


class Divides:
    """A check with a state of its own."""

    def __init__(self, by: int) -> None:
        self.by = by

    def __call__(self, batch: Any) -> np.ndarray:
        return sums(batch) % self.by != 1

    def other(self, batch: Any) -> np.ndarray:
        return sums(batch) % self.by != 2


@jax.jit
def jitted(batch: Any) -> Any:
    return batch.sum(axis=1) % 7 != 3


def from_a_law(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.integers(0, 30, (n, 2))


def of_a_list(rng: np.random.Generator, n: int) -> list[int]:
    return rng.integers(0, 30, n).tolist()


HEAVY = Listed(list(range(100)), weights=[1000, 500, 20] + [1 + i % 3 for i in range(97)])
TWICE = Listed([("a", 1), ("b", 2), ("a", 1)] * 20 + [("c", i) for i in range(30)])
BITS = Sequences([[1, 2], [0, 0, 1], [1, 2], [3, 3, 1], [2, 2, 2]])
MIXED = Strata([(1, Product(500)), (2, Product(20)), (3, HEAVY)])
BOTH = Strata([(2, Drawn(from_a_law, "two numbers below 30")), (1, Product(10, 10))])
S, M, D, F = "share", "mean", "difference", "family"


@dataclass(frozen=True)
class Asked:
    """A question: of `kind`, about a population, answered by functions under settings."""

    kind: str
    population: Any
    check: Any
    settings: dict[str, Any]
    screens: tuple[Any, ...] = field(default=())

    def certify(self) -> dict[str, Any]:
        """The predicate that the maker makes of it, through JSON."""
        named: dict[str, Any] = {"name": "a claim", "delta": 0.1, **self.settings}
        if self.kind == M:
            named = {"low": 0.0, "high": 1.0, **named}
        if self.screens:
            named["screens"] = self.screens
        checks = self.check if self.kind == D else (self.check,)
        made = getattr(probbound, f"bound_{self.kind}")(self.population, *checks, **named)
        return json.loads(json.dumps(made.to_json()))

    def replay(self, predicate: dict[str, Any]) -> Report:
        """The checker's report with the user's functions."""
        made = SimpleNamespace(
            population=self.population, check=self.check, screens=self.screens, version=None
        )
        made.version = self.settings.get("version")
        return judge_own(predicate, given_by(made, "claims.py:CLAIM", predicate))


def _all(kind: str, population: Any, check: Any, *settings: dict[str, Any], screens: Any = ()):
    return [Asked(kind, population, check, each, tuple(screens)) for each in settings]


def _b(budget: int, **others: Any) -> dict[str, Any]:
    return {"budget": budget, **others}


CHEAP = (Cheap("at least five", cheap), Cheap("two", cheaper))
SEVENTH = Left("a multiple of three or so", Listed(list(range(3, 700, 7))))
_PRODUCTS = _all(
    S,
    Product(10, 10, 10),
    good,
    *(_b(90, side=side) for side in ("upper", "lower", "two")),
    *(_b(n) for n in (0, 1, 999, 1000, 5000)),
    _b(50, strategy="brute-force", side="lower"),
    _b(60, seed=5, delta=0.9),
    _b(60, beacon="a block", delta=1e-12, side="two"),
    _b(60, version="v1"),
    _b(90, stopped_at=0),
    _b(90, stopped_at=40, side="two"),
    _b(5000, stopped_at=400),
)
for check in (Divides(9), Divides(9).other, jitted, lambda batch: sums(batch) > 4):
    _PRODUCTS += _all(S, Product(40, 40), check, _b(90))
_LARGE = _all(S, Product(2**30, 2**30), good, _b(40, side="two"), _b(40, stopped_at=7))
_LARGE += _all(S, Product(2**24), good, _b(70_000))
_CASCADES = _all(
    S,
    Product(3000),
    good,
    _b(30),
    _b(30, strategy="cascade", draws=200),
    _b(30, strategy="cascade", draws=200, stopped_at=100, side="two"),
    _b(5, strategy="cascade", draws=5000),
    _b(30, strategy="iid"),
    _b(5000, stopped_at=900),
    screens=CHEAP,
)
_CASCADES += _all(S, Product(1000), good, _b(20), _b(0), _b(200), screens=(SEVENTH, *CHEAP))
_CASCADES += _all(S, HEAVY, good, _b(10, strategy="cascade", draws=50, side="two"), screens=CHEAP)
_CASCADES += _all(S, HEAVY, good, _b(1, strategy="cascade", draws=50), screens=CHEAP)
_CASCADES += _all(
    S, BITS, good, _b(9, strategy="cascade", draws=40, stopped_at=5, side="two"), screens=CHEAP
)
_CASCADES += _all(S, Product(1000), good, _b(9), screens=(Left("none", Listed([])),))
_LISTS = _all(
    S,
    HEAVY,
    good,
    *(_b(30, side=side) for side in ("upper", "lower", "two")),
    *(_b(n) for n in (0, 1, 99, 100)),
    _b(30, stopped_at=0),
    _b(30, stopped_at=10, side="two"),
    _b(200, stopped_at=2),
)
_LISTS += _all(S, TWICE, always, _b(20), _b(200))
_LISTS += _all(S, Listed(np.arange(60).reshape(30, 2)), good, _b(7), _b(30))
_SEQUENCES = _all(S, BITS, good, _b(10, side="two"), _b(20), _b(500), _b(500, stopped_at=17))
_SEQUENCES += _all(S, Sequences([[1, 2**20, 2]] * 4), good, _b(30))
_SEQUENCES += _all(S, Sequences([[1, 1], [0, 1, 1]] * 6), never, _b(30), _b(30, stopped_at=9))
_DRAWN = _all(S, Drawn(from_a_law, "two numbers below 30"), good, _b(5000, side="two"), _b(0))
_DRAWN += _all(S, Drawn(of_a_list, "a number below 30"), good, _b(200, stopped_at=120))
_STRATA = _all(S, MIXED, good, _b(60, side="two"), _b(60, stopped_at=20), _b(0), _b(900))
_STRATA += _all(S, BOTH, good, _b(150))
_STRATA += _all(M, BOTH, measure, _b(150, side="two"), _b(20, side="lower"))
_STRATA += _all(F, BOTH, {"a": good, "b": kinder}, _b(150, side="two"))
_MEANS = _all(
    M,
    Product(30, 30),
    measure,
    *(_b(80, side=side) for side in ("upper", "lower", "two")),
    *(_b(n) for n in (0, 1, 899, 900)),
    _b(50, low=-3.0, high=1.5, side="two"),
)
for population in (HEAVY, TWICE, BITS, Drawn(from_a_law, "two numbers below 30")):
    used = always if population is TWICE else measure
    _MEANS += _all(M, population, used, _b(12, side="two"), _b(1, side="lower"))
_MEANS += _all(M, HEAVY, measure, _b(40, side="two"), _b(100, side="lower"))
_PAIRS = _all(
    D, Product(30, 30), (good, kinder), *(_b(90, side=s) for s in ("upper", "lower", "two"))
)
_PAIRS += _all(D, HEAVY, (good, kinder), _b(40), _b(100), _b(0))
_FAMILIES = _all(F, HEAVY, {"a": good, "b": kinder}, _b(30), _b(30, stopped_at=5), _b(100))
_FAMILIES += _all(
    F,
    Product(900),
    measure,
    _b(90, thresholds=[0.1, 0.5], side="two"),
    _b(0, thresholds=[0.0, 1e-7, 1.0]),
)
_FAMILIES += _all(F, Product(900), measure, _b(90, thresholds=[0.1, 0.5], stopped_at=50))
QUESTIONS = {
    f"{group} {number}": asked
    for group, made in {
        "product": _PRODUCTS,
        "large": _LARGE,
        "cascade": _CASCADES,
        "list": _LISTS,
        "sequences": _SEQUENCES,
        "drawn": _DRAWN,
        "strata": _STRATA,
        "mean": _MEANS,
        "difference": _PAIRS,
        "family": _FAMILIES,
    }.items()
    for number, asked in enumerate(made)
}


def sealed_again(predicate: dict[str, Any]) -> dict[str, Any]:
    """By a forger who makes digest, hex and copies fit."""
    fields = {k: v for k, v in predicate.items() if k not in ("hex", "self_sha256")}
    return json.loads(json.dumps(statement(sealed(fields))))


def checked(predicate: dict[str, Any]) -> Report:
    """The checker's report without the user's functions, on a file that is whole."""
    return judge_own(predicate_of(json.loads(json.dumps(statement(predicate)))))


Change = Callable[[dict[str, Any]], None]
