"""Claims about networks as sentences of a model card, one entry a kind of claim."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from probbound.arithmetic.decimals import percent_down, upper
from probbound.certificates.markdown import text
from probbound.tasks.registry import manner, reference_of

Predicate = Mapping[str, Any]


@dataclass(frozen=True)
class Sentences:
    """What a certificate of a kind of claim says of inputs in words, and what it leaves open."""

    says: Callable[[Predicate, str], str]
    allows: Callable[[Predicate], str]


def _answers(predicate: Predicate, inputs: str) -> str:
    claim = predicate["claim"]
    how = manner(claim["task"], claim["population"])
    if predicate["bound"] == 1:
        return f"The model answers **all** of {inputs[4:]} {how}. A tie counts as wrong."
    otherwise = "answered wrongly" if how == "correctly" else "not"
    return (
        f"Of {inputs}, the model answers {_share(predicate)} {how}: a share of at most "
        f"{_rest(predicate)} is {otherwise}. A tie counts as wrong."
    )


def _margins(predicate: Predicate, inputs: str) -> str:
    return (
        f"On {_share(predicate)} of {inputs}, the logit of the right answer exceeds every other by "
        f"more than {predicate['claim']['at']!r}: on a share of at most {_rest(predicate)} it does "
        "not."
    )


def _losses(predicate: Predicate, inputs: str) -> str:
    bound, at = upper(predicate["bound"]), predicate["claim"]["at"]
    mean = f"**at most {bound} nats**"
    if at is not None:
        return (
            f"Over {inputs}, the mean of the cross-entropy of the model's answers, each cut at "
            f"{at!r} nats, is {mean}."
        )
    return (
        f"Over {inputs}, the mean cross-entropy of the model's answers is {mean}. No input has a "
        f"loss above {upper(predicate['proof']['largest_loss'])} nats."
    )


def _most_loss(predicate: Predicate) -> str:
    largest = upper(predicate["proof"]["largest_loss"])
    return f"their mean loss may be as large as any loss can be, {largest} nats."


def _divergences(predicate: Predicate, inputs: str) -> str:
    claim = predicate["claim"]
    other = text(reference_of(claim["task"], claim["population"]))
    return (
        f"On {_share(predicate)} of {inputs}, the Kullback-Leibler divergence of the model's "
        f"distribution over answers from that of {other} is at most {claim['at']!r} nats: on a "
        f"share of at most {_rest(predicate)} it may be more."
    )


def _cases(predicate: Predicate, inputs: str) -> str:
    revealed = int(predicate["claim"]["at"])
    return (
        f"Take a sequence of {inputs[4:]} and reveal its last token, where that stood before, what "
        f"followed it, and {revealed} more of its tokens, at random places. In {_share(predicate)} "
        "of such cases the model answers **every** filling of the other places correctly: a share "
        f"of at most {_rest(predicate)} has a filling that it may answer wrongly."
    )


def _share(predicate: Predicate) -> str:
    return f"**at least {percent_down(predicate['bound'])} %**"


def _rest(predicate: Predicate) -> str:
    return f"**{upper(predicate['failure_upper'])}**"


SENTENCES: Mapping[str, Sentences] = {
    "accuracy": Sentences(_answers, lambda p: "all of them may be answered wrongly."),
    "margin": Sentences(
        _margins, lambda p: f"on all of them the margin may be {p['claim']['at']!r} or less."
    ),
    "loss": Sentences(_losses, _most_loss),
    "universal": Sentences(_cases, lambda p: "some filling of every case may be answered wrongly."),
    "kl": Sentences(
        _divergences, lambda p: f"on all of them it may be above {p['claim']['at']!r} nats."
    ),
}
