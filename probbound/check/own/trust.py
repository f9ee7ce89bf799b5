"""What the certificate of an own claim says that nobody can see from the file."""

from __future__ import annotations

from collections.abc import Iterator

from probbound.check.own.claim import Predicate, functions, has_pilot


def trusted(predicate: Predicate) -> Iterator[str]:
    """What stays on trust whether or not the user's functions are run again."""
    claim = predicate["claim"]
    yield "its name, versions, seconds, what it says of its arithmetic, and its own list of trust"
    for check in claim["checks"]:
        yield f"that {check['name']!r} gives a member the same answer whenever it is asked"
    if claim["left"] is not None:
        yield f"that every member that fails is in what the screen {claim['left']['name']!r} left"
    for check in claim["cheap"]:
        yield f"that {check['name']!r} passes only what the check would pass"
    for name, said in functions(predicate):
        if said["identity"] == "source":
            yield f"what {name} closes over, calls or loads: the digest is of its source alone"
        elif said["identity"] == "version":
            yield f"that {name} is what its version {said['version']!r} names"
    for text in _described(claim["population"]):
        yield f"that a sampler's draws are independent, and have the law of {text!r}"
    if claim["population"]["kind"] == "strata":
        yield "the shares of the strata"
    if has_pilot(predicate):
        yield (
            "that its pilot chose the number of draws; a maker who tried r numbers has a claim "
            "that is wrong with probability up to rδ (7.7)"
        )
    if predicate["seed_source"] == "chosen":
        yield "that the seed, chosen by hand, was not one of many tried"
    if predicate["beacon"] is not None:
        yield "that the beacon was public, and unknown before the claim was fixed"


def _described(population: Predicate) -> Iterator[str]:
    if population["kind"] == "drawn":
        yield population["describe"]
    for stratum in population.get("strata", ()):
        yield from _described(stratum["population"])


def assumed(predicate: Predicate) -> Iterator[str]:
    """What a verdict without the user's functions depends on, if anything was looked at."""
    if predicate["claim"]["left"] is not None:
        yield "the masses of the population and of what its screen left, as stated in it"
    if not any(map(_counted, predicate["parts"])):
        return
    yield (
        f"the answers of the user's functions, {predicate['cost']['looks']:,} looks in all, as "
        "counted in it (--replay FILE.py:NAME asks them again)"
    )
    if any(_weightless(population) for population in _lists(predicate)):
        yield "the weights of a list, which it does not hold: whom it took for certain, and drew"
    if _lists(predicate):
        yield "the items of a list, of which it holds the digest"


def _counted(part: Predicate) -> bool:
    """Whether what a part says rests on answers."""
    return bool(part["draws"] or part["take_all"] or (part["mode"] == "listed" and part["members"]))


def _lists(predicate: Predicate) -> list[Predicate]:
    claim = predicate["claim"]
    of = claim["population"] if claim["left"] is None else claim["left"]["population"]
    found = [stratum["population"] for stratum in of.get("strata", ())] or [of]
    return [population for population in found if population["kind"] == "listed"]


def _weightless(population: Predicate) -> bool:
    return population["weights"] is None and population["tickets"] > population["members"]
