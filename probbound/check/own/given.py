"""The user's functions and population, from a Python file that is run for it."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from probbound.check.layout import canonical
from probbound.check.own.claim import Predicate
from probbound.check.own.forms import digest_of
from probbound.check.own.populations import plain_parts
from probbound.check.report import Refused, Unusable

_MODULE = "probbound_replayed"


@dataclass(frozen=True)
class Given:
    """What an object of the user says, in the order in which a certificate has it.

    `populations` are those of the parts, `checks` and `cheap` the functions; `masses` those of the
    population and of what its screen left, None if there is no screen.
    """

    place: str
    populations: tuple[Any, ...]
    whole: Any
    left: Any
    checks: tuple[Callable[[Any], Any], ...]
    cheap: tuple[Callable[[Any], Any], ...]
    version: str | None


def load_object(place: str) -> Any:
    """The object NAME of FILE.py:NAME; the file is executed.

    Raises:
        Unusable: if there is none, or the file raises.
    """
    path_text, _, name = place.rpartition(":")
    path = Path(path_text)
    if not path_text.endswith(".py") or not name.isidentifier():
        raise Unusable(f"an own claim is named FILE.py:NAME, got {place!r}")
    if not path.is_file():
        raise Unusable(f"there is no file {path_text}")
    module = ModuleType(_MODULE)
    module.__file__ = str(path.resolve())
    sys.modules[_MODULE] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        # not by Python's import: that takes what was compiled of another text of the same length
        # and second for this one
        exec(compile(path.read_bytes(), module.__file__, "exec"), module.__dict__)  # noqa: S102
    except (Exception, SystemExit) as error:
        raise Unusable(f"{path_text} cannot be run: {_said(error)}") from error
    finally:
        sys.path.pop(0)
    if not hasattr(module, name):
        raise Unusable(f"{path_text} has no {name}")
    return getattr(module, name)


def given_by(made: Any, place: str, predicate: Predicate) -> Given:
    """What an object says of the parts of a certificate's claim.

    Raises:
        Unusable: if it lacks what such a claim needs.
    """
    claim = predicate["claim"]
    for name in ("population", "check"):
        if not hasattr(made, name):
            raise Unusable(f"{place} has no {name}, which a claim is about")
    screens = tuple(getattr(made, "screens", ()))
    left = [screen.population for screen in screens if hasattr(screen, "population")]
    cheap = [screen.check for screen in screens if not hasattr(screen, "population")]
    cheap = cheap if claim["cheap"] else []
    check = made.check
    checks = tuple(check.values()) if isinstance(check, Mapping) else check
    checks = tuple(checks) if isinstance(checks, tuple | list) else (checks,)
    counts = (len(checks), len(cheap), len(left))
    wanted = (len(claim["checks"]), len(claim["cheap"]), int(claim["left"] is not None))
    if counts != wanted or not all(map(callable, (*checks, *cheap))):
        raise Unusable(
            f"{place} has (checks, cheap checks, enumerated screens) = {counts}, and the "
            f"certificate {wanted}"
        )
    base = left[0] if left else made.population
    strata = claim["population"]["kind"] == "strata" and not left
    parts = tuple(part for _, part in base.parts()) if strata else (base,)
    version = getattr(made, "version", None)
    return Given(place, parts, made.population, base, checks, tuple(cheap), version)


def weights_of(given: Given, predicate: Predicate) -> dict[str, np.ndarray]:
    """The weights of lists that a certificate does not hold, by the digest of the list."""
    found = {}
    for statement, population in _paired(given, predicate):
        if statement["kind"] == "listed" and statement["weights"] is None:
            weights = np.asarray(_weights(population, statement["members"]), dtype=np.int64)
            if (len(weights), int(weights.sum())) != (statement["members"], statement["tickets"]):
                raise Refused(f"the list of {given.place} has other weights than the certificate's")
            found[statement["sha256"]] = weights
    return found


def wrong_given(predicate: Predicate, given: Given) -> Iterator[str]:
    """Where the user's object is not what the certificate is about."""
    claim = predicate["claim"]
    whole = (claim["population"], given.whole)
    for statement, population in (whole, *_paired(given, predicate)):
        if canonical(_stated(given, population)) != canonical(statement):
            yield f"{given.place} has another population than the certificate"
    for statement, population in _paired(given, predicate):
        if statement["kind"] == "listed":
            weights = _weights(population, statement["members"])
            digest, differ = digest_of(population.items, weights)
            if digest != statement["sha256"] or statement["weights"] not in (None, weights):
                yield f"the list of {given.place} is not the one of the certificate"
            if not differ:
                yield f"the list of {given.place} has an item twice"
        if statement["kind"] == "drawn":
            yield from _other(given, population.sample, statement["sampler"], "the sampler")
    if claim["left"] is not None:
        yield from _other_masses(predicate, given)
    named = (*zip(claim["checks"], given.checks, strict=True),)
    named += (*zip(claim["cheap"], given.cheap, strict=True),)
    for said, function in named:
        yield from _other(given, function, said, repr(said["name"]))
    for said in claim["checks"]:
        if given.version is not None and said["version"] != given.version:
            yield f"{said['name']!r} of {given.place} is of version {given.version!r}, another one"


def _stated(given: Given, population: Any) -> Any:
    try:
        return population.statement()
    except Exception as error:
        raise Unusable(f"a population of {given.place} has no statement: {_said(error)}") from error


def _other_masses(predicate: Predicate, given: Given) -> Iterator[str]:
    level = predicate["parts"][0]["levels"][0]
    found = tuple(getattr(each, "mass", None) for each in (given.whole, given.left))
    if found != (level["samples"], level["failures"]):
        yield f"the masses of {given.place} and of what its screen left are {found}"


def _paired(given: Given, predicate: Predicate) -> Iterator[tuple[Mapping[str, Any], Any]]:
    claim = predicate["claim"]
    of = claim["population"] if claim["left"] is None else claim["left"]["population"]
    statements = [statement for _, statement in plain_parts(of)]
    if len(statements) != len(given.populations):
        raise Refused(f"{given.place} has other strata than the certificate")
    yield from zip(statements, given.populations, strict=True)


def _weights(population: Any, members: int) -> list[int]:
    weights = getattr(population, "weights", None)
    return [1] * members if weights is None else np.asarray(weights).tolist()


def _other(given: Given, function: Any, said: Mapping[str, Any], name: str) -> Iterator[str]:
    """Where a function has another source than the one whose answers were counted."""
    if said["identity"] == "source" and source_digest(function) != said["sha256"]:
        yield f"{name} of {given.place} has another source than the certificate's"


def source_digest(function: Any) -> str | None:
    """SHA-256 of the source of a function, or of the type of another object; None without one."""
    inner = inspect.unwrap(function)
    named = inner if inspect.isroutine(inner) else type(inner)
    try:
        return hashlib.sha256(inspect.getsource(named).encode()).hexdigest()
    except (OSError, TypeError):
        return None


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def asked(given: Given, function: Callable[[Any], Any], batch: Any, number: int) -> np.ndarray:
    """What a function answers to a batch, one answer a member.

    Raises:
        Unusable: if it raises, or answers another number of members.
    """
    try:
        answers = np.asarray(function(batch))
    except Exception as error:
        raise Unusable(f"a function of {given.place} raised {_said(error)}") from error
    if answers.shape != (number,):
        raise Unusable(
            f"a function of {given.place} answered an array of shape {list(answers.shape)} to "
            f"{number} members"
        )
    return answers
