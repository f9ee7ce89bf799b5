"""From what a user gives to a question of induction, or one sentence of what cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from probbound.contract.claims import Claim
from probbound.contract.defaults import AUTO
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError, kind_of
from probbound.models.transformer.network import GeneralTransformer
from probbound.tasks.accepted import accepted_claim, unaltered
from probbound.tasks.given import Given, require_to_stop, require_usable
from probbound.tasks.given import beyond as beyond_all
from probbound.tasks.induction.grammar import BRUTE_FORCE, CASCADE, HYBRID, IID, parsed
from probbound.tasks.induction.question import MOST_RUN, InductionQuestion
from probbound.tasks.induction.task import Induction
from probbound.tasks.room import Uses
from probbound.tasks.settings import OF_DRAWING

OF_CASES = (AUTO, BRUTE_FORCE, IID)
_OF_SEQUENCES = ("sequences", "hybrid:pairs proves most of them together")
_CERTAIN = Uses(False, False, frozenset())
_USES = {
    AUTO: Uses(True, True, frozenset({"budget_flops"})),
    IID: Uses(True, True, frozenset()),
    HYBRID: Uses(True, True, frozenset()),
    CASCADE: Uses(True, True, frozenset({"target", "draws"})),
}


def uses(strategy: str) -> Uses:
    """What a strategy has a use for.

    Raises:
        UserError: if there is none of that name.
    """
    return _USES.get(parsed(strategy).kind, _CERTAIN)


def task_for(model: Any, prior: Prior | None, about: str = "") -> Induction:
    """The task of a network's own tokens and positions; `about` is "once" or "any".

    Raises:
        UserError: if there is a prior, or no such task, or the network does not answer in tokens.
    """
    if prior is not None:
        raise UserError("all sequences of induction are equally likely; leave the prior out")
    network = accepted_network(model)
    repeats: Any = about or "once"
    return Induction(network.d_vocab, network.n_ctx, repeats)


def accepted_network(model: Any) -> GeneralTransformer:
    """The same network, if it is a transformer.

    Raises:
        UserError: if it is another kind, a subclass too, or has fewer answers than tokens.
    """
    if type(model) is not GeneralTransformer:
        raise UserError(f"induction is asked of networks of kind transformer, got {kind_of(model)}")
    if model.d_vocab_out < model.d_vocab:
        raise UserError(
            f"{model.name} has {model.d_vocab_out} answers for {model.d_vocab} tokens, so it "
            "cannot give each of them"
        )
    return GeneralTransformer(model.arrays, model.architecture, model.name)


def asked(
    model: Any,
    task: Any,
    claim: Any,
    strategy: str,
    given: Given,
) -> InductionQuestion:
    """The question, once every part of it is seen to be of use.

    Raises:
        UserError: on the first that is not, in one sentence.
    """
    network, claim, use = accepted_network(model), accepted_claim(claim), uses(strategy)
    if type(task) is not Induction:
        raise UserError(f"bounds are proved for Induction itself, got {kind_of(task)}")
    task = unaltered(task, Induction(task.d_vocab, task.n_ctx, task.repeats))
    require_way_to(strategy, claim, weighted=False)
    if (task.n_ctx, task.d_vocab) != (network.n_ctx, network.d_vocab):
        raise UserError(
            f"the task of {network.name} has its {network.n_ctx} positions of {network.d_vocab} "
            f"tokens, got {task.n_ctx} of {task.d_vocab}"
        )
    most = task.n_ctx - 3
    if (known := claim.revealed) is not None and (task.repeats != "once" or known > most):
        raise UserError(
            f"universal claims are about tokens that repeat once, with at most {most} more of "
            f"{task.n_ctx} revealed, got {known} of {task.repeats!r}"
        )
    question = InductionQuestion(
        network,
        task,
        claim=claim,
        **given.read(OF_DRAWING, use.settings, strategy),
    )
    if strategy == AUTO and question.budget_flops is None:
        question = replace(question, budget_flops=float(question.budget * question.price))
    require_to_stop(strategy, question.stopped_at, sequential="target" in use.settings)
    require_usable(question)
    _require_runnable(question, strategy)
    return question


def require_way_to(strategy: str, claim: Claim, *, weighted: bool) -> None:
    """Refuse a claim, or a prior, that no strategy here bounds.

    Raises:
        UserError: in one sentence; also if there is no such strategy.
    """
    parsed(strategy)
    if claim.kind not in ("accuracy", "margin", "universal"):
        raise UserError(
            f"of induction accuracy, margins and universal claims are bounded, not a {claim.kind}"
        )
    if claim.kind == "universal" and strategy not in OF_CASES:
        raise UserError(
            f"cases of a universal claim are drawn (--strategy {IID}) or all tried "
            f"({BRUTE_FORCE}), not by {strategy}"
        )
    if weighted:
        raise UserError("all sequences of induction are equally likely; leave the prior out")


def beyond(task: Any, budget: int, strategy: str) -> Iterator[str]:
    """A sentence if sequences are drawn, with replacement, more often than there are any."""
    if parsed(strategy).kind in (IID, CASCADE):
        yield from beyond_all(budget, task.size, "sequences")


def _require_runnable(question: InductionQuestion, strategy: str) -> None:
    if strategy == BRUTE_FORCE and question.number > MOST_RUN:
        cases = question.claim.revealed is not None
        inputs, instead = ("cases", "iid draws from them") if cases else _OF_SEQUENCES
        raise UserError(
            f"brute force would run {question.number:,} {inputs}, and at most {MOST_RUN:,} are "
            f"run; {instead}"
        )
