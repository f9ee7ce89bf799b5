"""A certificate as a page of Markdown, for a model card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.arithmetic.decimals import lower, percent_down, upper
from probbound.certificates.claim_text import SENTENCES
from probbound.certificates.markdown import table, text
from probbound.certificates.vacuity import remedy, says_nothing
from probbound.contract.recipe import Recipe
from probbound.models.registry import described
from probbound.tasks.registry import counted, files, inputs_of, means, remarks

SEEDS = {
    "content": "derived from the question itself",
    "beacon": "derived from the question and the beacon below",
    "chosen": "chosen by hand: the maker could have tried several",
}
_LOSS_SHARE = (
    "\n\nThe share that a forward pass leaves is here a bound on the mean loss, divided by the "
    "largest loss."
)


def page(predicate: Mapping[str, Any]) -> str:
    """The page; every number in it is read from the certificate, none is recomputed."""
    return (
        "\n\n".join(
            [
                f"# {text(predicate['model']['name'])}: a certified bound",
                _claim(predicate),
                f"The network: {described(predicate['claim']['network'])}.",
                _promise(predicate),
                "## How it was proved",
                _levels(predicate),
                failure_probabilities(predicate),
                "## What it cost",
                _cost(predicate),
                "## What it is about",
                _identity(predicate),
                "## How to check it again",
                _recipe(predicate),
                "",
            ]
        ).rstrip("\n")
        + "\n"
    )


def _claim(predicate: Mapping[str, Any]) -> str:
    claim = predicate["claim"]
    stated, task = claim["population"], claim["task"]
    number, written = counted(task, stated), _short(stated["size"])
    number += f" ({written})" if written != number else ""
    inputs = f"all {number} {text(inputs_of(task))}{_under(stated['prior'])}"
    sentences = SENTENCES[claim["kind"]]
    if says_nothing(predicate):
        allowed = sentences.allows(predicate)
        return f"**This bound says nothing** of {inputs}: {allowed} {remedy(predicate)}"
    return sentences.says(predicate, inputs)


def _under(prior: Mapping[str, Any] | None) -> str:
    """The prior in words; where it is uniform, nothing need be said."""
    if prior is None:
        return ""
    weights = prior["weights"]
    occur, share = len(weights) - weights.count(0), max(weights) / (sum(weights) or 1)
    return (
        f" (weighted by the prior over tokens with SHA-256 {prior['sha256']}: {occur:,} of "
        f"{len(weights):,} tokens occur, the most frequent one in {upper(100 * share)} % of places)"
    )


def _promise(predicate: Mapping[str, Any]) -> str:
    if predicate["guarantee"] == "deterministic":
        return "Guarantee: **deterministic**. The bound holds with no chance of error (δ = 0)."
    outward = upper if predicate["claim"]["kind"] == "loss" else lower
    return (
        f"Guarantee: **{predicate['guarantee']}**. The bound is wrong with probability at most "
        f"δ = {upper(predicate['delta'])}, over the program's own random choices and for any "
        "weights. With a wrong bound counted as what the proof alone gives, "
        f"(1-δ) · bound + δ · proof is {outward(predicate['confidence_weighted'], 12)}."
    )


def _levels(predicate: Mapping[str, Any]) -> str:
    ran = predicate["chosen"]
    named = predicate["strategy"] if ran == predicate["strategy"] else f"auto, which ran {ran}"
    proof = predicate["proof"]
    of_loss = proof["certified_mass"] is None
    alone = (
        f"bounds the mean loss by {upper(proof['loss_upper'])} nats"
        if of_loss
        else f"certifies {percent_down(proof['certified_mass'])} % of all inputs"
        if proof["certified_mass"]
        else "certifies nothing"
    )
    rows = [
        (
            level["check"],
            level["mode"],
            f"{level['samples']:,}" if level["samples"] else "",
            f"{level['failures']:,}" if level["samples"] and not of_loss else "",
            upper(level["share_upper"]),
        )
        for level in predicate["levels"]
    ]
    heads = ("check", "mode", "looked at", "left over", "share left ≤")
    note = _LOSS_SHARE if of_loss else ""
    runs = text(Recipe.from_json(predicate["ran"]["recipe"]).text)
    return f"Strategy {text(named)}: {runs}. The proof alone {alone}.\n\n{table(heads, rows)}{note}"


def failure_probabilities(predicate: Mapping[str, Any]) -> str:
    """The ledger, with the sum of its rows."""
    spends = predicate["ledger"]
    if not spends:
        return "No failure probability was spent."
    rows = [
        (s["statement"], s["method"], s["theorem"], f"{s['samples']:,}", upper(s["delta"]))
        for s in spends
    ]
    heads = ("statement", "method", "theorem", "draws", "δ")
    total = f"Together they fail with probability at most {upper(predicate['delta'])}."
    return f"Every spend of failure probability:\n\n{table(heads, rows)}\n\n{total}"


def _cost(predicate: Mapping[str, Any]) -> str:
    cost = predicate["cost"]
    rows = [
        (p["name"], p["part"], _digits(p["flops"]), f"{p['seconds']:.2g}") for p in cost["phases"]
    ]
    whole = ("in all", "", _digits(cost["flops"]), f"{cost['seconds']:.2g}")
    return table(("phase", "part", "operations", "seconds"), [*rows, whole])


def _identity(predicate: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in predicate["versions"].items())
    claim = predicate["claim"]
    rows = [
        ("weights, SHA-256", predicate["model"]["sha256"]),
        *remarks(claim["task"], claim["population"]),
        *_means(predicate),
        ("reference", _reference(predicate["reference"])),
        ("certificate, SHA-256", predicate["self_sha256"]),
        ("asked", _question(predicate)),
        ("seed", f"{predicate['seed']}, {SEEDS[predicate['seed_source']]}"),
        ("beacon", predicate["beacon"] or "none"),
        ("computed by", predicate["arithmetic"]),
        ("made by", versions),
    ]
    return table(("", ""), rows)


def _means(predicate: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    settings = Recipe.from_json(predicate["ran"]["recipe"]).settings
    return tuple(means(predicate["claim"]["task"], settings))


def _reference(reference: Mapping[str, Any] | None) -> str:
    if reference is None:
        return "none: that another framework runs this network was not compared"
    return (
        f"logits of another framework on {reference['sequences']:,} sequences agree within "
        f"{upper(reference['largest_difference'])}, where {reference['precision']} explains "
        f"{upper(reference['allowed'])} (file with SHA-256 {reference['sha256']})"
    )


def _question(predicate: Mapping[str, Any]) -> str:
    """The settings that the seed follows from, in full: a maker may have tried many."""
    recipe = predicate["recipe"]
    asked = [f"strategy {predicate['strategy']}"]
    asked += [Recipe.from_json(recipe).text] if recipe else []
    for name in ("budget", "budget_flops"):
        if predicate[name] is not None:
            asked.append(f"{name.replace('_', ' ')} {predicate[name]}")
    delta = "chosen by a pilot, " if predicate["delta_chosen"] else ""
    return "; ".join((*asked, f"δ {delta}{predicate['delta_allowed']!r}"))


def _recipe(predicate: Mapping[str, Any]) -> str:
    model, claim = predicate["model"]["name"], predicate["claim"]
    beside = "".join(f" {option}" for option in files(claim["task"], claim["population"]))
    taken = "NumPy and SciPy"
    taken += ", and what is named above" if _means(predicate) else " only"
    fresh = "" if claim["kind"] == "loss" else " --fresh"  # new samples test no mean
    return (
        "With the certificate as `certificate.json` and the weights as `weights.safetensors`:\n\n"
        "```sh\n"
        f"probbound verify certificate.json --model weights.safetensors{beside}{fresh}\n"
        f"python -m probbound.check certificate.json weights.safetensors{beside}  "
        f"# {taken}\n"
        "```\n\n"
        f"Both recompute the digest of the weights, the count or the samples, and the bound. "
        f"The name {text(model)} identifies nothing; the digest does. This page repeats what the "
        "certificate says and proves nothing by itself."
    )


def _digits(count: int) -> str:
    """Three significant digits, of numbers beyond floats as well."""
    return f"{float(count):.3g}" if count < 10**300 else _short(count)


def _short(number: int) -> str:
    return f"{number:,}" if number < 10**15 else f"about 10^{len(str(number)) - 1}"
