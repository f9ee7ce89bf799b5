"""The counts behind a certificate, counted again: screens enumerated, samples drawn and run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from probbound.check.bounds import up
from probbound.check.expected import Facts
from probbound.check.models.attention_only.network import Copying, Network
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.stream import Stream
from probbound.check.tasks.follow_up import planned_draws
from probbound.check.tasks.max_of_k.arithmetic import form_of
from probbound.check.tasks.max_of_k.gapped import Gapped
from probbound.check.tasks.max_of_k.grid import Gridded
from probbound.check.tasks.max_of_k.listing import Listed
from probbound.check.tasks.max_of_k.prices import PILOT, running
from probbound.check.tasks.max_of_k.recipe import (
    ALL_RUN,
    CHECKED,
    CUBIC,
    LOOKED_UP,
    RUN,
    Recipe,
    run_by,
)
from probbound.check.tasks.max_of_k.sketch import Coins
from probbound.check.tasks.max_of_k.tariff import Tariff

MOST_DRAWS = 1 << 36
_MOST_IN_A_BLOCK = 1 << 26
_PILOT = PILOT
_INPUTS_AT_ONCE = 1 << 16
_TICKETS_AT_ONCE = 1 << 19

Leftover = Listed | Gridded | Gapped
_ALONE = {ALL_RUN: ("all run",), RUN: ("sampled",), LOOKED_UP: ("sampled",), CHECKED: ("cascade",)}
_BEHIND_A_SCREEN = {
    (): ("screen",),
    RUN: ("screen, all run", "screen, sampled"),
    CHECKED: ("cascade", "screen, all through"),
}
Drawing = Callable[[int, int], tuple[np.ndarray, np.ndarray]]


def counted(
    predicate: Mapping[str, Any], network: Network, law: Law, known: Leftover | None = None
) -> Facts:
    """The facts of a certificate whose screen, if any, is run again, unless it is `known`.

    Raises:
        Refused: if they cannot be counted again, or only with draws that were not fixed beforehand.
    """
    form, recipe = form_of(predicate), run_by(predicate)
    if form not in (_BEHIND_A_SCREEN if recipe.screen else _ALONE).get(recipe.rest, ()):
        raise Refused(f"the levels are not those of what ran: {recipe.text}")
    first = predicate["levels"][0]["check"]
    if first != _first(recipe, first):
        raise Refused(f"its first level is {first!r}, which is none of {recipe.text}")
    if form == "all run":
        return Facts(wrong_share(network, law))
    left = known or screened(predicate, network, law)
    share = share_of(left, network, law)
    if form == "screen":
        return Facts(share)
    if form == "screen, all run":
        return _all_run(predicate, network, left, law)
    if form == "screen, all through":
        return _all_through(predicate, network, left, law)
    if form == "cascade":
        return _cascade(predicate, network, left, law)
    return _sampled(predicate, network, left if share < 1 else None, share, law)


def _first(recipe: Recipe, otherwise: str) -> str:
    """What the first level is called; a cascade without a screen begins with all inputs."""
    if recipe.screen is not None:
        return recipe.screen.text
    return "all inputs" if recipe.rest == CHECKED else otherwise


def screened(predicate: Mapping[str, Any], network: Network, law: Law) -> Leftover | None:
    """What the screen of a certificate leaves, None if it has none."""
    recipe = run_by(predicate)
    screen = recipe.screen
    if screen is None:
        return None
    if screen.name == CUBIC:
        return leftover(network, law, screen.grid_points)
    return Gapped(network, screen, law, coins_of(predicate, recipe))


def coins_of(predicate: Mapping[str, Any], recipe: Recipe) -> Coins:
    """What a rung that rests on a sketch may use: all of δ if it is alone, else half of it."""
    share = 0.5 if recipe.rest else 1.0
    return Coins(stream_of(predicate), math.log(share * predicate["delta_allowed"]))


def leftover(network: Network, law: Law, grid_points: int | None) -> Leftover:
    """What the additive screen leaves, counted on a grid or, without one, listed."""
    return Listed(network, law) if grid_points is None else Gridded(network, law, grid_points)


def share_of(left: Leftover | None, network: Network, law: Law) -> float:
    """Its share of all inputs, by mass, rounded up; 1 where nothing was screened."""
    return 1.0 if left is None else up(left.size / law.total ** len(network.weights.W_pos))


def wrong_share(network: Network, law: Law) -> float:
    """The share of all inputs that is wrong: those that the additive screen leaves are run (1.2).

    Raises:
        Refused: if there are too many inputs.
        Declined: if running what is left takes more than the network allows.
    """
    vocabulary, length = len(network.token[0]), len(network.weights.W_pos)
    if vocabulary ** (length - 1) > _MOST_IN_A_BLOCK:
        raise Refused(f"{vocabulary}^{length} inputs are too many to be independently re-checked")
    mass, listed = 0, Listed(network, Law.equal(vocabulary))
    running(network.weights, listed.size).require_within(network.most, math.inf)
    for tokens, _ in listed.everything():
        mass += int(law.masses(tokens[network.wrong(tokens)]).sum())
    return up(Fraction(mass, law.total**length))


def _all_run(
    predicate: Mapping[str, Any], network: Network, left: Leftover | None, law: Law
) -> Facts:
    left, run, wrong = _one_by_one(predicate, network, left), 0, 0
    for tokens, blank in left.everything():
        run += int((~blank).sum())
        wrong += int(network.wrong(tokens[~blank]).sum())
    return Facts(share_of(left, network, law), left.tickets, run, run, wrong)


def _all_through(
    predicate: Mapping[str, Any], network: Network, left: Leftover | None, law: Law
) -> Facts:
    """All that the screen left, through both checks; what was not seen is conceded (4.23)."""
    left = _one_by_one(predicate, network, left)
    stopped, budget = predicate["stopped_at"], predicate["ran"]["budget"]
    seen = left.tickets if stopped is None else min(stopped, left.tickets)
    copying, passed, run, failures, start = _copying(predicate, network, budget), 0, 0, 0, 0
    for tokens, blank in left.everything():
        if start >= seen:
            break
        looked, start = max(min(len(tokens), seen - start), 0), start + len(tokens)
        tokens = tokens[:looked][~blank[:looked]]
        on = tokens[copying.left(tokens)]
        follow = on[: max(budget - run, 0)]
        failures += int(network.wrong(follow).sum()) + len(on) - len(follow)
        passed, run = passed + len(on), run + len(follow)
    failures += left.tickets - seen
    return Facts(share_of(left, network, law), seen, passed, run, failures)


def _one_by_one(predicate: Mapping[str, Any], network: Network, left: Leftover | None) -> Leftover:
    """What the screen left, if all of it can be looked at, though more than was said."""
    if left is None or not left.one_each:
        raise Refused("what the screen left is not numbered one by one, so not all was looked at")
    if left.tickets > MOST_DRAWS:
        raise Refused(f"{left.tickets} tickets are more than are independently re-checked")
    if left.tickets > predicate["sampling"]["draws"]:
        running(network.weights, left.tickets).require_within(network.most, math.inf)
    return left


def _copying(predicate: Mapping[str, Any], network: Network, budget: int) -> Copying:
    """The copying check of a cascade; a plan always takes the one that is quadratic."""
    planned = predicate["recipe"] is None
    return Copying(network, cubic=not planned and uses_cubic_table(network, budget))


def _sampled(
    predicate: Mapping[str, Any],
    network: Network,
    left: Leftover | None,
    share: float,
    law: Law,
) -> Facts:
    n = predicate["ran"]["budget"]
    stream = stream_of(predicate)
    tokens_of = drawing(network, left, law, stream.named("residue" if left else "inputs"))
    run = wrong = 0
    for tokens, blank in _parts(tokens_of, left, n):
        run += int((~blank).sum())
        wrong += int(network.wrong(tokens[~blank]).sum())
    return Facts(share, n, run, run, wrong)


def _cascade(
    predicate: Mapping[str, Any], network: Network, left: Leftover | None, law: Law
) -> Facts:
    budget, stream = predicate["ran"]["budget"], stream_of(predicate)
    copying = _copying(predicate, network, budget)
    n = _planned(predicate, network, left, law, copying)
    said = predicate["sampling"]["draws"]
    if n is not None and n > said:
        running(network.weights, n).require_within(network.most, math.inf)
    n = said if n is None else n
    passed = run = failures = 0
    tokens_of = drawing(network, left, law, stream.named("draws"))
    for tokens, blank in _parts(tokens_of, left, n):
        tokens = tokens[~blank]
        on = tokens[copying.left(tokens)]
        follow = on[: max(budget - run, 0)]
        failures += int(network.wrong(follow).sum()) + len(on) - len(follow)
        passed, run = passed + len(on), run + len(follow)
    return Facts(share_of(left, network, law), n, passed, run, failures)


def _planned(
    predicate: Mapping[str, Any],
    network: Network,
    left: Leftover | None,
    law: Law,
    copying: Copying,
) -> int | None:
    """How many draws were fixed beforehand; None where the bound holds at any number (4.21 b)."""
    recipe = run_by(predicate)
    if recipe.target is not None or predicate["stopped_at"] is not None:
        return predicate["stopped_at"]
    if recipe.draws is not None:
        return recipe.draws
    budget = predicate["ran"]["budget"]
    tokens_of = drawing(network, left, law, stream_of(predicate).named("pilot"))
    passed = 0
    for tokens, blank in _parts(tokens_of, left, _PILOT):
        passed += int(copying.left(tokens[~blank]).sum())
    tariff = Tariff(*network.weights.sizes)
    return planned_draws(budget, passed, _PILOT, budget * tariff.forward / tariff.look)


def uses_cubic_table(network: Network, budget: int) -> bool:
    """Whether the forward passes allowed dwarf the cost of the cubic table of the copying check."""
    vocabulary, out = network.direct.shape
    table = network.heads * vocabulary * (2 * vocabulary * out + vocabulary)
    return table <= budget * Tariff(*network.weights.sizes).forward / 4


def stream_of(predicate: Mapping[str, Any]) -> Stream:
    """The certifying stream."""
    return Stream.of_seed(predicate["seed"]).named("certify")


def drawing(network: Network, left: Leftover | None, law: Law, stream: Stream) -> Drawing:
    """Draws start … stop - 1 from all inputs, or from what the screen left."""
    if left is not None:
        return lambda start, stop: left.draw(stream, start, stop)
    length = len(network.weights.W_pos)

    def inputs(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        numbers = stream.below(law.total, start * length, stop * length)
        return law.tokens(numbers).reshape(-1, length), np.zeros(stop - start, dtype=bool)

    return inputs


def _parts(
    tokens_of: Drawing, left: Leftover | None, n: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    if n > MOST_DRAWS:
        raise Refused(f"{n} draws are more than are independently re-checked")
    step = _INPUTS_AT_ONCE if left is None else _TICKETS_AT_ONCE
    for start in range(0, n, step):
        yield tokens_of(start, min(start + step, n))
