"""Forecasts over pairs for `probbound plan`: what the rule of "auto" looks at, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from estimators.proportion import clopper_pearson
from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.planning.forecast import Forecast, share_seen
from probbound.planning.foretold import Foretold, Wish
from probbound.tasks.pairs.accepted import accepted_network
from probbound.tasks.pairs.grammar import PairGrammar
from probbound.tasks.pairs.planning import Offer, looked
from probbound.tasks.pairs.population import Pairs
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.screens.choice import tried_pairs


def foretold(
    grammar: PairGrammar, task_of: Callable[[Any], Pairs], model: Any, wish: Wish
) -> Foretold:
    """What the strategies that "auto" chooses from are predicted to give, best first.

    The answers to the pairs that screens are tried on are looked at too; no budget pays for that.

    Raises:
        UserError: if the network cannot be used, δ is to be chosen, no operations are named, or the
            claim is no accuracy.
    """
    wish.require_accuracy()
    if wish.unit != "flops":
        raise UserError("over pairs forecasts are made for operations alone; give --budget-flops")
    if wish.delta is None:
        raise UserError("over pairs δ is not chosen by a plan; give --delta a number")
    model, meter = accepted_network(model), CostMeter()
    question = PairQuestion(
        *(model, task_of(model), 0, wish.delta, wish.seed), budget_flops=wish.amount
    )
    look = looked(grammar, question, meter)
    pairs = tried_pairs(question.folded)
    with meter.phase("answers", "sampling", len(pairs) * question.exact.flops):
        wrong = share_seen(int(question.exact.uncertified(pairs).sum()), len(pairs))
    forecasts = [_forecast(offer, look.spent, wrong, wish.delta) for offer in look.offers]
    ranked = sorted(forecasts, key=lambda made: (made.failure_upper, made.cost))
    left = {f"{offer.screen} screen": float(offer.share) for offer in look.offers}
    return Foretold(
        forecasts=[made for made in ranked if made.delta == 0 or made.samples],
        pilot={"pairs": len(pairs), "wrong": wrong},
        left={name: share for name, share in left.items() if share < 1},
        wrong=wrong,
        flops=meter.total().flops,
        unseen="never looked at",
    )


def _forecast(offer: Offer, spent: int, wrong: float, delta: float) -> Forecast:
    cost, number = float(spent + offer.cost), offer.samples
    if number is None:
        return Forecast(offer.strategy, 0.0, cost, offer.budget, weighted=0.0)
    share, failure = float(offer.share), 1.0
    if number:
        failing = round(number * min(wrong / share, 1.0))
        upper = clopper_pearson(failing, number, delta=delta, side="upper").upper
        failure = share * float(upper)
    return Forecast(
        *(offer.strategy, failure, cost, offer.budget, offer.draws, delta),
        weighted=(1 - delta) * failure + delta * share,
    )
