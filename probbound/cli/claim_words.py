"""Claims about networks in the words of `certify` and `verify`, one entry a kind of claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.certificates.vacuity import says_nothing
from probbound.cli.output import at_most, exactly, nats, percent
from probbound.tasks.registry import all_inputs, manner, reference_of

Predicate = Mapping[str, Any]


@dataclass(frozen=True)
class Words:
    """How a kind of claim is put.

    Attributes:
        stated: the claim as a sentence, of a certificate and all its inputs in words.
        bounded: what is bounded, and by what, as a row of a table.
        held: the claim as what a check has confirmed of a model of that name.
    """

    stated: Callable[[Predicate, str], str]
    bounded: Callable[[Predicate], tuple[str, str]]
    held: Callable[[Predicate, str], str]


def statement(predicate: Predicate) -> str:
    """The claim of a certificate as one sentence."""
    claim = predicate["claim"]
    population = claim["population"]
    inputs = all_inputs(claim["task"], population)
    if population["prior"] is not None:
        inputs += " under the prior"
    if says_nothing(predicate):
        return f"This bound says nothing of how {_name(predicate)} does on {inputs}"
    return WORDS[claim["kind"]].stated(predicate, inputs)


def bound(predicate: Predicate) -> tuple[str, str]:
    """What is bounded, and by what."""
    return WORDS[predicate["claim"]["kind"]].bounded(predicate)


def held(predicate: Predicate, name: str) -> str:
    """What a certificate that holds says of the model that was read, whatever it calls it."""
    return WORDS[predicate["claim"]["kind"]].held(predicate, name)


def counted_for(predicate: Predicate) -> str:
    """What no single loss counts more than, in words; of claims of a loss."""
    largest = nats(predicate["proof"]["largest_loss"])
    if predicate["claim"]["at"] is None:
        return f"no loss above {largest}"
    return f"no loss counts more than {exactly(predicate['claim']['at'])} nats"


def _name(predicate: Predicate) -> str:
    return predicate["model"]["name"]


def _share(predicate: Predicate, inputs: str) -> str:
    """How many of the inputs, at least."""
    least = predicate["bound"]
    return f"at least {percent(least)} of {inputs}" if least < 1 else inputs


def _failing(predicate: Predicate) -> str:
    if says_nothing(predicate):
        return "at most 1: all of them may fail"
    return f"at most {at_most(predicate['failure_upper'])}"


def _given(predicate: Predicate) -> str:
    revealed = int(predicate["claim"]["at"])
    return f"{revealed} more {'token' if revealed == 1 else 'tokens'} revealed"


def _at(predicate: Predicate) -> str:
    return exactly(predicate["claim"]["at"])


def _under(predicate: Predicate) -> str:
    return " under its prior" if predicate["claim"]["population"]["prior"] else ""


def _manner(predicate: Predicate) -> str:
    return manner(predicate["claim"]["task"], predicate["claim"]["population"])


def _answers_held(predicate: Predicate, name: str) -> str:
    share, how = percent(predicate["bound"]), _manner(predicate)
    if how != "correctly":
        return f"{name} answers at least {share} of its inputs {how}"
    return f"accuracy of {name}{_under(predicate)} is at least {share}"


def _margin_held(predicate: Predicate, name: str) -> str:
    margins = f"margins of {name} above {_at(predicate)}{_under(predicate)}"
    return f"share of {margins} is at least {percent(predicate['bound'])}"


def _mean_loss(predicate: Predicate) -> str:
    cut = predicate["claim"]["at"]
    return "mean loss" if cut is None else f"mean loss, each cut at {exactly(cut)} nats,"


def _divergence(predicate: Predicate, name: str) -> str:
    """What is at most what, in words."""
    claim = predicate["claim"]
    other = reference_of(claim["task"], claim["population"])
    return f"KL divergence of {name} from {other} is at most {exactly(claim['at'])} nats"


WORDS: Mapping[str, Words] = {
    "accuracy": Words(
        stated=lambda p, inputs: f"{_name(p)} answers {_share(p, inputs)} {_manner(p)}",
        bounded=lambda p: ("failure rate", _failing(p)),
        held=_answers_held,
    ),
    "margin": Words(
        stated=lambda p, inputs: f"{_name(p)} has a margin above {_at(p)} on {_share(p, inputs)}",
        bounded=lambda p: (f"margin ≤ {_at(p)}", f"on a share of {_failing(p)}"),
        held=_margin_held,
    ),
    "loss": Words(
        stated=lambda p, inputs: (
            f"{_name(p)} has a {_mean_loss(p)} of at most {nats(p['bound'])} over {inputs}"
        ),
        bounded=lambda p: ("mean loss", f"at most {nats(p['bound'])}"),
        held=lambda p, name: f"{_mean_loss(p)} of {name}{_under(p)} is at most {nats(p['bound'])}",
    ),
    "universal": Words(
        stated=lambda p, inputs: (
            f"{_name(p)} answers every filling of {_share(p, 'all cases')} correctly, {_given(p)}, "
            f"of {inputs}"
        ),
        bounded=lambda p: ("failing cases", f"at most {at_most(p['failure_upper'])}"),
        held=lambda p, name: (
            f"share of cases, {_given(p)}, of which {name} answers every filling correctly is at "
            f"least {percent(p['bound'])}"
        ),
    ),
    "kl": Words(
        stated=lambda p, inputs: f"{_divergence(p, _name(p))} on {_share(p, inputs)}",
        bounded=lambda p: (f"divergence > {_at(p)} nats", f"on a share of {_failing(p)}"),
        held=lambda p, name: (
            f"{_divergence(p, name)} on at least {percent(p['bound'])} of its inputs"
        ),
    ),
}
