"""The room of a task over pairs, of what is its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from probbound.contract.recipe import Recipe
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.tasks.given import by_rule
from probbound.tasks.one_kind import one_kind
from probbound.tasks.pairs.asking import asked, beyond_population
from probbound.tasks.pairs.foretelling import foretold
from probbound.tasks.pairs.grammar import PairGrammar
from probbound.tasks.pairs.noise_size import noise_size
from probbound.tasks.pairs.planning import chosen
from probbound.tasks.pairs.population import Pairs
from probbound.tasks.pairs.question import PairQuestion
from probbound.tasks.pairs.recipes import PairRecipes
from probbound.tasks.pairs.strategies import PairStrategies
from probbound.tasks.room import Room
from probbound.tasks.settings import OF_DRAWING

ARITHMETIC = (
    "IEEE float64, round to nearest, sin and cos assumed within 16 units in the last place; "
    "rounding errors bounded a priori and counted against the claim, ties too "
    "(docs/theory.md, 5.1 to 5.3, 5.14 and chapter 8)"
)


def pair_room(
    name: str,
    grammar: PairGrammar,
    *,
    of_network: Callable[[Any], Pairs],
    stated: Callable[[Mapping[str, Any]], Pairs],
    unaltered: Callable[[Any], Pairs],
    train: Callable[[Mapping[str, Any], str], tuple[Any, dict[str, Any]]],
    about: Callable[[str], Pairs] | None = None,
    one_claim: Callable[[dict[str, Any]], dict[str, Any]] = lambda claim: claim,
) -> Room[PairQuestion]:
    """A room whose questions, strategies and plans are those of all tasks over pairs.

    `of_network` makes the task of a network's own operands, `about` that of what stands behind the
    colon of its name, `stated` that of a claim's inputs, and `unaltered` the task itself anew, or
    refuses it. `one_claim` gives claims about the same pairs one form.
    """
    strategies = PairStrategies(grammar)

    def recipe(strategy: str, question: PairQuestion) -> Recipe:
        given = {setting.name: getattr(question, setting.name) for setting in OF_DRAWING}
        return PairRecipes(grammar).of(strategy, question.task.size, given)

    return Room[PairQuestion](
        name=name,
        arithmetic=ARITHMETIC,
        task_for=partial(_task_for, of_network, about),
        stated=stated,
        asked=lambda model, task, claim, strategy, given: asked(
            strategies, model, unaltered(task), claim, strategy, given
        ),
        recipe=recipe,
        one_claim=lambda claim: one_claim(one_kind(claim)),
        uses=strategies.uses,
        require_way_to=strategies.require_way_to,
        with_noise=grammar.with_noise,
        decided=by_rule(partial(chosen, grammar), "over pairs"),
        answer=strategies.answer,
        train=train,
        beyond=partial(beyond_population, strategies),
        foretold=None if about else partial(foretold, grammar, of_network),
        noise_size=None if grammar.structure is None else noise_size,
    )


def _task_for(
    of_network: Callable[[Any], Pairs],
    named: Callable[[str], Pairs] | None,
    model: Any,
    prior: Prior | None,
    about: str = "",
) -> Pairs:
    if prior is not None:
        raise UserError("all pairs are equally likely here; leave the prior out")
    if not about:
        return of_network(model)
    if named is None:
        raise UserError(f"this task is of no more than its network says, so not about {about!r}")
    return named(about)
