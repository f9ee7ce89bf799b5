"""What a certificate of an own claim takes on trust, in sentences."""

from __future__ import annotations

from probbound.own.functions import Function
from probbound.own.question import Subject


def trusted(subject: Subject, piloted: bool) -> list[str]:
    """What nobody can see from the file, in the order in which it is claimed."""
    made = [_answers(function) for function in subject.checks]
    if subject.left is not None:
        made.append(f"every member that fails is in what the screen {subject.left.name!r} left")
    made += [f"{each.name!r} passes only what the check would pass" for each in subject.cheap]
    made += [_identity(each) for each in (*subject.checks, *subject.cheap)]
    made += subject.population.trusted()
    made.append("the answers that were counted: they are given again with the user's code alone")
    if piloted:
        made.append("the number of draws, which the maker's pilot chose: it names their stream")
    return made


def _answers(function: Function) -> str:
    return (
        f"{function.name!r} gives a member the same answer whenever and with whatever it is asked"
    )


def _identity(function: Function) -> str:
    name, identity = function.name, function.identity
    if identity.kind == "version":
        return f"what ran as {name!r} is what its version {identity.version!r} says"
    if identity.kind == "none":
        return f"what ran as {name!r}: it has neither source nor version"
    return f"what {name!r} closes over, calls or loads: the digest is of its source alone"
