"""The certificate of an own claim in words: one sentence, or a page of Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.arithmetic.decimals import lower, upper
from probbound.certificates.markdown import table, text
from probbound.certificates.model_card import SEEDS, failure_probabilities

Predicate = Mapping[str, Any]
_MANY = 10**15


def claimed(predicate: Predicate) -> str:
    """What a certificate says, in one sentence; of names only what can be printed."""
    sentence = f"{predicate['claim']['name']}: {_said(predicate)}"
    return "".join(c if c.isprintable() else " " for c in sentence)


def says_nothing(predicate: Predicate) -> bool:
    """Whether the bound allows everything that can be, though not everything was looked at."""
    claim, of_mean = predicate["claim"], predicate["failure_upper"] is None
    least, most = (claim["low"], claim["high"]) if of_mean else (0.0, 1.0)
    ends = "mean" if of_mean else "failure"
    lower_open = predicate[f"{ends}_lower"] <= least
    upper_open = predicate[f"{ends}_upper"] >= most
    allows = {"upper": upper_open, "lower": lower_open, "two": lower_open and upper_open}
    return predicate["chosen"] != "brute-force" and allows[claim["side"]]


def page(predicate: Predicate) -> str:
    """The page; every number in it is read from the certificate, none is recomputed."""
    parts = [
        f"# {text(predicate['claim']['name'])}: a certified bound",
        f"**{text(_first_upper(_said(predicate)))}.**",
        _promise(predicate),
        "## What was looked at",
        *(_part(predicate, number) for number in range(len(predicate["parts"]))),
        *([_results(predicate)] if len(predicate["results"]) > 1 else []),
        failure_probabilities(predicate),
        "## What it rests on",
        "\n".join(f"- {text(line)}" for line in predicate["trusted"]),
        "## What it is about",
        _identity(predicate),
        "## How to check it again",
        _recipe(),
    ]
    return "\n\n".join(parts) + "\n"


def _said(predicate: Predicate) -> str:
    nothing = ", which says nothing; a larger budget may say more"
    return _bounds(predicate) + (nothing if says_nothing(predicate) else "")


def _bounds(predicate: Predicate) -> str:
    claim = predicate["claim"]
    names = " and ".join(check["name"] for check in claim["checks"])
    among = _population(claim["population"])
    if claim["kind"] == "mean":
        return f"the mean of {names} over {among} is {_between(predicate, 'mean')}"
    if claim["kind"] == "difference":
        a, b = (check["name"] for check in claim["checks"])
        share = _between(predicate, "mean")
        return f"the share of {among} that {a} passes, less that of {b}, is {share}"
    share = _between(predicate, "failure")
    if claim["kind"] == "family":
        each = len(predicate["results"])
        return f"of {among}, the share that fails is {share} for each of {each} claims"
    return f"of {among}, the share that fails {names} is {share}"


def _between(predicate: Predicate, of: str) -> str:
    least, most = predicate[f"{of}_lower"], predicate[f"{of}_upper"]
    side = predicate["claim"]["side"]
    if predicate["guarantee"] == "deterministic" and upper(least, 12) == upper(most, 12):
        return f"exactly {upper(most, 12)}"
    if side == "two":
        return f"from {lower(least)} to {upper(most)}"
    return f"at least {lower(least)}" if side == "lower" else f"at most {upper(most)}"


def _population(statement: Mapping[str, Any]) -> str:
    """What members there are, in words."""
    kind = statement["kind"]
    if kind == "product":
        sizes = statement["sizes"]
        shown = " × ".join(f"{size:,}" for size in sizes) if len(sizes) <= 4 else f"{len(sizes)}"
        return f"all {shown} index tuples" if len(sizes) <= 4 else f"all tuples of {shown} indices"
    if kind == "sequences":
        return f"all sequences of {len(statement['positions'])} tokens by their weights"
    if kind == "listed":
        weighed = "" if statement["members"] == statement["tickets"] else " by their weights"
        return f"{statement['members']:,} listed members{weighed}"
    if kind == "drawn":
        return f"what is drawn as “{statement['describe']}”"
    return f"a mixture of {len(statement['strata'])} strata"


def _promise(predicate: Predicate) -> str:
    if predicate["guarantee"] == "deterministic":
        return "Guarantee: **deterministic**. The bound holds with no chance of error (δ = 0)."
    return (
        "Guarantee: **high-probability**. The bound is wrong with probability at most "
        f"δ = {upper(predicate['delta'])}, over the program's own random choices and whatever the "
        "answers are."
    )


def _part(predicate: Predicate, number: int) -> str:
    part = predicate["parts"][number]
    share = "" if part["share"] == [1, 1] else f"Share {_ratio(part['share'])} of the whole: "
    drawn = "every member in turn"
    if part["mode"] == "drawn":
        how = "with" if part["replace"] else "without"
        drawn = f"{part['draws']:,} draws {how} replacement"
    if taken := part["take_all"]:
        drawn += f", after {taken['members']:,} members of large weight"
    if part["stopped_at"] is not None:
        drawn += f"; interrupted, {part['stopped_at']:,} count"
    rows = [
        (
            level["check"],
            level["mode"],
            f"{level['samples']:,}",
            "" if part["values"] else f"{level['failures']:,}",
            f"{level['conceded']:,}" if level["conceded"] else "",
        )
        for level in part["levels"]
    ]
    heads = ("check", "mode", "came to it", "left over", "of these not looked at")
    return f"{share}{drawn}.\n\n{table(heads, rows)}"


def _ratio(share: list[int]) -> str:
    top, bottom = share
    return f"{top:,}/{bottom:,}" if bottom < _MANY else upper(top / bottom if top else 0.0)


def _results(predicate: Predicate) -> str:
    rows = [(r["name"], lower(r["lower"]), upper(r["upper"])) for r in predicate["results"]]
    return table(("claim", "at least", "at most"), rows)


def _identity(predicate: Predicate) -> str:
    claim = predicate["claim"]
    functions = (*claim["checks"], *claim["cheap"])
    rows = [
        ("population", _population(claim["population"])),
        *((f"SHA-256 of the list of {s['members']:,}", s["sha256"]) for s in _lists(claim)),
        *((f"function {check['name']}", _function(check)) for check in functions),
        ("certificate, SHA-256", predicate["self_sha256"]),
        ("asked", _question(predicate)),
        ("seed", f"{predicate['seed']}, {SEEDS[predicate['seed_source']]}"),
        ("beacon", predicate["beacon"] or "none"),
        ("looks", f"{predicate['cost']['looks']:,}, {predicate['cost']['seconds']:.2g} s"),
        ("arithmetic", predicate["arithmetic"]),
        ("made by", ", ".join(f"{name} {v}" for name, v in predicate["versions"].items())),
    ]
    return table(("", ""), rows)


def _function(check: Mapping[str, Any]) -> str:
    if check["identity"] == "source":
        return f"source with SHA-256 {check['sha256']}"
    return f"version {check['version']}" if check["version"] else "without an identity"


def _lists(claim: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    population = claim["population"]
    of = [stratum["population"] for stratum in population.get("strata", ())] or [population]
    left = [claim["left"]["population"]] if claim["left"] else []
    return [statement for statement in (*of, *left) if statement["kind"] == "listed"]


def _question(predicate: Predicate) -> str:
    """The settings that the seed follows from, in full: a maker may have tried many."""
    draws = predicate["asked_draws"]
    asked = [f"strategy {predicate['strategy']}", f"budget {predicate['budget']}"]
    asked += [] if draws is None else [f"draws {draws}"]
    asked += [f"side {predicate['claim']['side']}", f"δ {predicate['delta_allowed']!r}"]
    return ", ".join(asked)


def _recipe() -> str:
    return (
        "With the certificate as `certificate.json` and the user's object as `NAME` of `claims.py`:"
        "\n\n```sh\n"
        "probbound verify certificate.json                        # draws, law and arithmetic\n"
        "probbound verify certificate.json --replay claims.py:NAME  # runs that file: counts too\n"
        "python -m probbound.check certificate.json --replay claims.py:NAME  # NumPy and SciPy only"
        "\n```\n\n"
        "This page repeats what the certificate says and proves nothing by itself."
    )


def _first_upper(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
