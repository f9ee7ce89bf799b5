"""Every way to bound a mean from n draws, repeated many times at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from estimators import cascade, mean, proportion, stratified
from estimators.guarantee import Guarantee
from estimators.heuristic import normal_mean
from estimators.importance import importance
from estimators.interval import Interval
from estimators.posterior import jeffreys_share
from studies.populations import Population

STRATA = 4
Ends = tuple[Float[np.ndarray, " repeats"], Float[np.ndarray, " repeats"]]


@dataclass(frozen=True)
class Draw:
    """So many repeats of n draws from a population, each to be bounded on two sides at δ."""

    population: Population
    n: int
    repeats: int
    delta: float
    rng: np.random.Generator

    def values(self) -> Float[np.ndarray, "repeats n"]:
        """One repeat a row."""
        return self.population.draws(self.rng, self.n, self.repeats)


@dataclass(frozen=True)
class Method:
    """Lower and upper ends for every repeat; for `counts` of marked members, or for any values."""

    name: str
    guarantee: Guarantee
    counts: bool
    run: Callable[[Draw], Ends]
    slow: bool = False

    def fits(self, population: Population) -> bool:
        """Whether it can be asked about that population."""
        return population.marked is not None or not self.counts


def _ends(interval: Interval) -> Ends:
    return np.asarray(interval.lower), np.asarray(interval.upper)


def _marked(draw: Draw) -> np.ndarray:
    return draw.rng.binomial(draw.n, draw.population.truth, draw.repeats)


def _from_counts(bound: Callable[..., Interval], draw: Draw) -> Ends:
    return _ends(bound(_marked(draw), draw.n, delta=draw.delta))


def _from_values(bound: Callable[..., Interval], draw: Draw) -> Ends:
    return _ends(bound(draw.values(), delta=draw.delta))


def _hypergeometric(draw: Draw) -> Ends:
    members, marked = len(draw.population.members), draw.population.marked or 0
    k = draw.rng.hypergeometric(marked, members - marked, draw.n, draw.repeats)
    return _ends(proportion.hypergeometric(k, draw.n, members, delta=draw.delta))


def _at_every_draw(bound: Callable[..., Interval], draw: Draw) -> Ends:
    """What is left if the interval is read after each draw and all must hold."""
    k = draw.values().cumsum(axis=1).astype(np.int64)
    seen, place = np.unique(k * (draw.n + 1) + np.arange(1, draw.n + 1), return_inverse=True)
    lower, upper = _ends(bound(*np.divmod(seen, draw.n + 1), delta=draw.delta))
    place = place.reshape(k.shape)
    return lower[place].max(axis=1), upper[place].min(axis=1)


def _betting_at_every_draw(draw: Draw) -> Ends:
    found = mean.betting_sequence(draw.values(), delta=draw.delta)
    lower, upper = _ends(found)
    return lower[:, -1], upper[:, -1]


def _strata(method: stratified.Method, draw: Draw) -> Ends:
    """Quarters of the sorted population, a quarter of the draws from each."""
    strata = [
        stratified.Stratum(
            weight=len(part) / len(draw.population.members),
            samples=part[draw.rng.integers(len(part), size=(draw.repeats, draw.n // STRATA))],
        )
        for part in np.array_split(draw.population.members, STRATA)
    ]
    return _ends(stratified.mean(strata, delta=draw.delta, method=method))


def _cascade(draw: Draw) -> Ends:
    """A screen that leaves the root of the rate, then the check itself on draws from that."""
    left = max(np.sqrt(draw.population.truth), draw.population.truth)
    rates = (left, draw.population.truth / left)
    levels = [
        cascade.Sampled(k=draw.rng.binomial(draw.n, rate, draw.repeats), n=draw.n) for rate in rates
    ]
    return _ends(cascade.product(levels, delta=draw.delta, side="two").total)


def _importance(draw: Draw) -> Ends:
    """Half of the draws uniform, half in proportion to the root of the value."""
    members = draw.population.members
    target = 1 / len(members)
    roots = np.sqrt(members)
    proposal = (target + roots / roots.sum()) / 2
    steps = np.cumsum(proposal)
    places = draw.rng.random((draw.repeats, draw.n)) * steps[-1]
    chosen = np.minimum(np.searchsorted(steps, places, side="right"), len(members) - 1)
    return _ends(
        importance(members[chosen], target, proposal[chosen], weight_max=2.0, delta=draw.delta)
    )


_PROOF, _CREDIBLE, _HEURISTIC = (
    Guarantee.HIGH_PROBABILITY,
    Guarantee.CREDIBLE,
    Guarantee.HEURISTIC,
)
METHODS = {
    method.name: method
    for method in (
        Method("Hoeffding", _PROOF, False, partial(_from_values, mean.hoeffding)),
        Method(
            "empirical Bernstein", _PROOF, False, partial(_from_values, mean.empirical_bernstein)
        ),
        Method("betting", _PROOF, False, partial(_from_values, mean.betting)),
        Method("betting, every draw", _PROOF, False, _betting_at_every_draw, slow=True),
        Method("strata, product", _PROOF, False, partial(_strata, "product"), slow=True),
        Method("strata, union", _PROOF, False, partial(_strata, "union")),
        Method("importance", _PROOF, False, _importance),
        Method("Clopper-Pearson", _PROOF, True, partial(_from_counts, proportion.clopper_pearson)),
        Method("hypergeometric", _PROOF, True, _hypergeometric),
        Method("mixture, every draw", _PROOF, True, partial(_at_every_draw, proportion.anytime)),
        Method("cascade of two", _PROOF, True, _cascade),
        Method("Jeffreys posterior", _CREDIBLE, True, partial(_from_counts, jeffreys_share)),
        Method("normal", _HEURISTIC, False, partial(_from_values, normal_mean)),
        Method(
            "Clopper-Pearson, peeking",
            _HEURISTIC,
            True,
            partial(_at_every_draw, proportion.clopper_pearson),
        ),
    )
}
