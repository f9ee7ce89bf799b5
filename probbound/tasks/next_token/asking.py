"""From what a user brings to a question over rows, or one sentence of what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from probbound.arithmetic.scalars import whole
from probbound.contract.claims import Claim
from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError, kind_of
from probbound.models.registry import load
from probbound.models.transformer.answering import AUTO as STRONGEST
from probbound.models.transformer.answering import strongest
from probbound.models.transformer.network import GeneralTransformer
from probbound.tasks.accepted import accepted_claim, require_not_universal, unaltered
from probbound.tasks.given import Given, require_usable
from probbound.tasks.next_token.fitting import require_fitting
from probbound.tasks.next_token.grammar import BRUTE_FORCE, IID, require_strategy
from probbound.tasks.next_token.planning import spent_on
from probbound.tasks.next_token.populations.registry import read_population
from probbound.tasks.next_token.question import RowQuestion
from probbound.tasks.next_token.task import NextToken
from probbound.tasks.room import Uses
from probbound.tasks.settings import OF_DRAWING, Setting

_USES = {
    AUTO: Uses(True, True, frozenset({"budget_flops", "balls"})),
    BRUTE_FORCE: Uses(False, False, frozenset({"balls"})),
    IID: Uses(True, True, frozenset({"target", "balls"})),
}
_UNUSED = {
    "target": f"{{}} has no target to stop at; {IID} has",
    "draws": "{} has no number of draws to set; its budget is one of rows",
}
_OF_ONE = {"margin": "a margin", "loss": "a loss of either"}
_SETTINGS = (
    *(replace(each, unused=_UNUSED.get(each.name, each.unused)) for each in OF_DRAWING),
    Setting("balls", partial(whole, "balls"), "{} has no use for balls"),
)


def uses(strategy: str) -> Uses:
    """What a strategy has a use for.

    Raises:
        UserError: if there is none of that name.
    """
    return _USES[require_strategy(strategy)]


def brought(model: Any, given: Mapping[str, Any]) -> NextToken:
    """The task of rows, of a law or a generator of rows, `data`, and perhaps another network,
    `against`.

    Where no `arithmetic` is named it is the strongest that holds on a few rows (9.7).

    Raises:
        UserError: if a file cannot be used, or the network does not read its rows.
    """
    network = accepted_network(model)
    if given.get("data") is None:
        raise UserError(
            "next-token is about rows of tokens that you bring: --data TOKENS (.npz, .jsonl or "
            ".parquet with tokens, [n, length]; .npz with a law, [length, d_vocab]; FILE.py:NAME, "
            "a generator)"
        )
    rows, other = read_population(str(given["data"])), given.get("against")
    against = None if other is None else accepted_network(load(other))
    task = NextToken(rows, against=against)
    require_fitting(network, task)
    named = given.get("arithmetic")
    if named is None or named == STRONGEST:
        models = [network] if against is None else [network, against]
        named = strongest(models, rows.pilot[:, :-1]).name
    return replace(task, arithmetic=named)


def accepted_network(model: Any) -> GeneralTransformer:
    """The same network, if it is one that rows are asked of.

    Raises:
        UserError: if it is another kind, a subclass too.
    """
    if type(model) is not GeneralTransformer:
        raise UserError(
            "claims about rows of tokens are about networks of kind transformer, got "
            f"{kind_of(model)}; of another framework's file, one layer of attention too, one is "
            "made by probbound import FILE --kind transformer --out MODEL.safetensors"
        )
    return GeneralTransformer(model.arrays, model.architecture, model.name)


def asked(
    model: Any,
    task: Any,
    claim: Any,
    strategy: str,
    given: Given,
) -> RowQuestion:
    """The question, once every part of it is seen to be of use.

    Raises:
        UserError: on the first that is not, in one sentence.
    """
    network, claim, use = accepted_network(model), accepted_claim(claim), uses(strategy)
    if type(task) is not NextToken:
        raise UserError(f"bounds are proved for NextToken itself, got {kind_of(task)}")
    task = unaltered(task, NextToken(task.rows, task.arithmetic, task.against))
    task = replace(task, rows=task.rows.accepted())
    require_way_to(strategy, claim, weighted=False)
    _require_networks_for(claim, task)
    require_fitting(network, task)
    question = RowQuestion(
        network,
        task,
        claim=claim,
        **given.read(_SETTINGS, use.settings, strategy),
    )
    if strategy == AUTO and question.budget_flops is None:
        question = replace(question, budget_flops=spent_on(question, question.budget))
    if question.balls is not None:
        task.of.with_balls(question.balls)
    require_usable(question)
    _require_stops(question)
    return question


def require_way_to(strategy: str, claim: Claim, *, weighted: bool) -> None:
    """Refuse a claim, or a prior, that no strategy here bounds.

    Raises:
        UserError: in one sentence; also if there is no such strategy.
    """
    require_strategy(strategy)
    require_not_universal(claim)
    if weighted:
        raise UserError("all rows are equally likely here; leave the prior out")


def _require_networks_for(claim: Claim, task: NextToken) -> None:
    """Refuse a claim of one network about two, and one of two about one.

    Raises:
        UserError: in one sentence.
    """
    if task.against is None and claim.kind == "kl":
        raise UserError("a KL divergence is from another network; name it with --against")
    if task.against is not None and claim.kind in _OF_ONE:
        raise UserError(
            "of two networks it is bounded how often they agree, or how far their distributions "
            f"are apart (--claim kl), without {_OF_ONE[claim.kind]}"
        )


def beyond(task: Any, budget: int, strategy: str) -> Iterator[str]:
    """Nothing: a budget of all rows looks at each of them once."""
    return iter(())


def _require_stops(question: RowQuestion) -> None:
    if question.claim.kind == "loss" and question.target is not None:
        raise UserError(
            "a mean loss is bounded after a number of rows that is fixed before: leave the target "
            "out and give a budget"
        )
    if question.claim.kind == "loss" and question.stopped_at is not None:
        raise UserError("a mean loss cannot be interrupted, as no δ is set aside for that")
    if question.stopped_at is not None and question.stopped_at > question.budget:
        raise UserError(
            f"stopped_at must be at most the budget of {question.budget}, got {question.stopped_at}"
        )
