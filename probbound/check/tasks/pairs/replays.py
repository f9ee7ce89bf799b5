"""The checker's side of a task over pairs, of what is its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from probbound.check import rules
from probbound.check.compare import disagreements, other_counts, require
from probbound.check.report import Declined
from probbound.check.stream import Stream
from probbound.check.tasks.arithmetic import Terms, claimed_facts, expected
from probbound.check.tasks.contract import Replay
from probbound.check.tasks.one_kind import one_kind
from probbound.check.tasks.pairs.entry_levels import entries_again
from probbound.check.tasks.pairs.inputs import Inputs, Labels
from probbound.check.tasks.pairs.kinds import KINDS
from probbound.check.tasks.pairs.plan import is_planned, require_planned
from probbound.check.tasks.pairs.recipe import recipe_of, run_by
from probbound.check.tasks.pairs.replay import Asked
from probbound.check.tasks.pairs.work import work_of
from probbound.check.tasks.recipes import misasked

Population = Mapping[str, Any]
PAIRS = {
    "kind": rules.one_of("product"),
    "sizes": rules.some(rules.positive),
    "prior": rules.maybe(rules.one_of()),
    "size": rules.positive,
}

_ARITHMETIC = (
    "IEEE float64, round to nearest, sin and cos assumed within 16 units in the last place; "
    "rounding errors bounded a priori and counted against the claim, ties too "
    "(docs/theory.md, 5.1 to 5.3, 5.14 and chapter 8)"
)


def pair_replay(
    labels_of: Callable[[Population], Labels],
    *,
    screens: Collection[str],
    population: Mapping[str, Any] = PAIRS,
    misstated: Callable[[Population], Iterator[str]] = lambda _: iter(()),
    one_claim: Callable[[dict[str, Any]], dict[str, Any]] = lambda claim: claim,
) -> Replay:
    """A task whose right answers `labels_of` gives, for pairs as a claim states them.

    `screens` are those that its plans look at, `population` has rules for pairs, `misstated` says
    what else is wrong with them, and `one_claim` gives those that are the same pairs one form.
    """
    return Replay(
        networks=tuple(KINDS),
        arithmetic=_ARITHMETIC,
        population=population,
        misfits=partial(_misfits, misstated),
        misasked=lambda predicate: misasked(predicate, recipe_of),
        one_claim=lambda claim: one_claim(one_kind(claim)),
        work=work_of,
        confirmed=partial(_confirmed, labels_of, screens, one_claim),
        fresh=partial(_fresh, labels_of),
    )


def _misfits(
    misstated: Callable[[Population], Iterator[str]], claim: Mapping[str, Any], weights: Any
) -> Iterator[str]:
    """Where a claim is not about the pairs that the weights read."""
    stated, (_, values, answers) = claim["population"], weights.reads
    if claim["kind"] == "loss":
        yield "no loss is bounded over pairs"
    if claim["kind"] in ("kl", "universal"):
        yield f"no claim of kind {claim['kind']} is made of pairs"
    if stated["sizes"] != [values, values] or stated["size"] != values**2:
        yield f"the claim is about {stated['sizes']} operands, and the weights read {values} twice"
    if answers != values:
        yield f"the weights have {answers} answers for {values} values of each operand"
    yield from misstated(stated)


def _confirmed(
    labels_of: Callable[[Population], Labels],
    screens: Collection[str],
    one_claim: Callable[[dict[str, Any]], dict[str, Any]],
    predicate: Mapping[str, Any],
    network: Any,
) -> Iterator[str]:
    """What holds computed again, sentence by sentence.

    Raises:
        Refused: at the first thing that does not.
        Declined: if it rests on a plan or a screen that is not made again.
    """
    recipe, asked = run_by(predicate), _asked(labels_of, predicate, network)
    if is_planned(predicate):
        _require_one_task(one_claim, predicate["claim"])
        require_planned(asked, screens)
        yield "what was planned before the draws was planned again, and is what ran"
    if recipe.pattern is not None:
        require(disagreements(predicate, entries_again(asked, recipe.pattern)))
        yield "the pattern of gates, what pairs can lose and the entries drawn, computed again"
        return
    cheap = "" if recipe.screen is None else recipe.screen.name
    facts = claimed_facts(predicate, cheap)
    terms = Terms(asked.inputs.size, cheap, recipe.target)
    require(disagreements(predicate, expected(predicate, facts, terms)))
    yield "the ledger adds up, and the bound follows from the counts"
    again = asked.counted()
    require(other_counts(facts, again))
    require(disagreements(predicate, expected(predicate, again.conceding(facts), terms)))
    yield "screens and samples were computed again, with the same counts"


def _require_one_task(
    one_claim: Callable[[dict[str, Any]], dict[str, Any]], claim: Mapping[str, Any]
) -> None:
    """That no other task asks the same with the same coins, and by a plan of its own (6.1, 8.16).

    Raises:
        Declined: if one does.
    """
    task = one_claim(dict(claim))["task"]
    if task != claim["task"]:
        raise Declined(f"what is {task} too is planned again as that, not as {claim['task']}")


def _fresh(
    labels_of: Callable[[Population], Labels],
    predicate: Mapping[str, Any],
    network: Any,
    stream: Stream,
    draws: int,
) -> tuple[float, int]:
    """The share that a screen leaves, if one is run, and the failures of draws from it."""
    return _asked(labels_of, predicate, network).fresh(stream, draws)


def _asked(
    labels_of: Callable[[Population], Labels], predicate: Mapping[str, Any], network: Any
) -> Asked:
    stated = predicate["claim"]["population"]
    return Asked(predicate, network, Inputs(stated["sizes"][0], labels_of(stated)))
