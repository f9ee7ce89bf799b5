"""The committed findings: every study is there, from the committed configuration."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path
from statistics import median

import pytest

from probbound.arithmetic.decimals import upper
from studies.study import NAMES, study_named

KINDS = ("sharp", "soft")
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", NAMES)
def test_every_study_has_its_files_and_its_section(name):
    for kind in ("csv", "md", "png", "svg"):
        assert (DOCS / "studies" / f"{name}.{kind}").stat().st_size > 0
    page = (DOCS / "studies" / f"{name}.md").read_text()
    assert study_named(name).question.strip() in page
    assert f"from the table `[{name}]` of `full.toml`" in page
    findings = (DOCS / "findings.md").read_text()
    assert f"(studies/{name}.png)" in findings
    assert f"(studies/{name}.md)" in findings


def test_all_studies_together_took_less_than_an_hour():
    pages = [(DOCS / "studies" / f"{name}.md").read_text() for name in NAMES]
    took = [int(re.findall(r"measured in\s+(\d+) s", page)[0]) for page in pages]
    assert sum(took) < 3600


def rows(name):
    """The committed rows of a study."""
    with (DOCS / "studies" / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def of(study, measure, **wanted):
    """The numbers of some rows."""
    found = [row for row in rows(study) if all(row[key] == wanted[key] for key in wanted)]
    return [float(row[measure]) for row in found if row[measure]]


def times_fewer(family, strategy):
    """How many times fewer operations than brute force."""
    brute, other = (
        median(of("frontier_pairs", "flops", family=family, strategy=name))
        for name in ("brute-force", strategy)
    )
    return brute / other


def power(value):
    """A number as the page writes it: 1.4·10⁻⁵."""
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}·10" + str(int(exponent)).translate(
        str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    )


def errors(of_what, measure):
    """From smallest to largest over the networks of p = 113 that were trained."""
    found = [r for r in rows("logit_error") if r["of"] == of_what and r["model"].startswith("mod")]
    return sorted(float(r[measure]) for r in found if "p113" in r["model"])


def said():
    """Sentences of the findings, with their numbers from the rows."""
    middle, large = (times_fewer(f"mod-add-p{p}", "gates:16") for p in (113, 499))
    yield f"a {middle:.0f}th at p = 113, a {large:.0f}st at 499"
    bound = of("scaling", "failure_upper", strategy="cascade:rotating-frame", value="16381")
    yield f"a cascade of a million draws certifies {power(max(bound))} at δ = 10⁻⁶"
    cascade, plain = (
        max(of("scaling", "seconds", strategy=name, value="16381"))
        for name in ("cascade:rotating-frame", "iid")
    )
    same = math.log(1e6) / (5000 * cascade / plain)
    yield f"say {power(same)}, {same / max(bound):.0f} times as much"
    proved, seen = errors("integral", "bound_mean"), errors("integral", "seen_mean")
    yield f"{upper(proved[0], 2)} to {upper(proved[-1], 2)} proved (Theorem 8.12)"
    yield f"and {seen[0]:.3f} to {seen[-1]:.3f} seen"
    mean, most = errors("network", "seen_mean"), errors("network", "seen_max")
    yield f"{mean[0]:.2f} to {mean[-1]:.2f} from the integral in the mean"
    yield f"{most[0]:.2f} to {most[-1]:.2f} at most"
    drawn = errors("network", "sampled_quantile")
    yield f"{upper(drawn[0], 2)} to {upper(drawn[-1], 2)} of 99 % of the pairs"
    for model, share in (("max-of-4-v1024", 31), ("max-of-4-v4096", 100)):
        assert least_share(model) == pytest.approx(1 / share, rel=0.02)
    yield "all of them at d_vocab 64, 1/31 of them at 1024, 1/100 at 4096"


def penalised():
    """Rows of the study of the penalty by penalty."""
    return {float(row["penalty"]): row for row in rows("structure_penalty")}


def percent(value, digits):
    """A share, rounded down."""
    return f"{math.floor(float(value) * 100 * 10**digits) / 10**digits:.{digits}f} %"


def said_of_the_penalty():
    """The same of how much of it makes a network provable."""
    found = penalised()
    some = [found[penalty] for penalty in (0.0, 3e-3, 1e-2)]
    attention = [float(row["attention"]) for row in some]
    yield "{:.2f} without a penalty, {:.2f} at 0.003 and {:.3f} at 0.01".format(*attention)
    shares = [percent(row["pairs"], 2) for row in some]
    yield "`pairs` proves {} of all inputs, {} and {}".format(*shares)
    looked = [percent(row["factored"], 2) for row in some]
    yield "`factored` certifies {}, {} and {}".format(*looked)
    wrong = sum(int(row["wrong"]) for row in found.values())
    assert sum(int(row["inputs"]) for row in found.values()) == 500_000
    yield f"{wrong} of the 500,000 inputs drawn for the five networks are wrong"
    bounds = [power(float(upper(float(row["failure_upper"]), 2))) for row in some]
    yield "certifies failure rates of {}, {} and {}".format(*bounds)
    whole = found[0.05]
    assert float(whole["pairs"]) == 1
    yield f"at 0.05 every input is proved right, for {power(float(whole['flops']))} operations"


def in_layers(model, kind, study="layers"):
    """Rows of a study of layers."""
    return [r for r in rows(study) if (r["model"], r["kind"]) == (model, kind)]


def certified(model, strategy, study="layers"):
    """What a strategy certified of one of its networks, and for how many operations."""
    (row,) = (r for r in in_layers(model, "certified", study) if r["strategy"] == strategy)
    return float(row["failure_upper"]), float(row["flops"])


def proved_shares(model, study="layers"):
    """Of the cases drawn, by how many tokens were revealed, from the fewest."""
    found = in_layers(model, "every filling", study)
    return ", ".join(f"{1 - int(r['left']) / int(r['draws']):.2f}" for r in found)


def said_of_layers():
    """The same of one, two and three layers."""
    yield f"wrong on at most {upper(certified('one layer', 'iid')[0], 2)} of inputs"
    for strategy in ("pairs", "hybrid"):
        assert certified("two layers, sharp", strategy)[0] == 0
    cost = certified("two layers, sharp", "pairs")[1]
    yield f"by `pairs`, for {power(cost)} operations"
    assert certified("two layers, soft", "pairs")[0] > 0.999
    failure, cost = certified("two layers, soft", "tree")
    (every,) = in_layers("two layers, soft", "extrapolated")
    assert failure == 0
    yield f"a complete proof for {power(cost)} operations, {cost / float(every['flops']):.2f} of"
    failure, cost = certified("three layers, sharp", "tree")
    (every,) = in_layers("three layers, sharp", "extrapolated")
    assert failure == 0
    yield f"for {power(cost)} operations, {cost / float(every['flops']):.2f} of"
    for model in (f"{layers} layers, {kind}" for layers in ("two", "three") for kind in KINDS):
        yield f"| {model} | {proved_shares(model)} | {nodes_of_a_case(model)} |"
    drawn = certified("three layers, soft", "iid")[0]
    yield f"certify failure rates of {power(float(upper(drawn, 2)))} of all four"


def said_of_layers_16():
    """The same of 16 tokens and 8 positions."""
    study = "layers_16"
    for model in ("two layers, sharp", "two layers, soft", "three layers, sharp"):
        yield f"| {model} | {proved_shares(model, study)} | {nodes_of_a_case(model, study)} |"
    failure, cost = certified("two layers, sharp", "pairs", study)
    assert failure == 0
    assert certified("two layers, soft", "pairs", study)[0] == 1
    yield f"all 1.1·10⁹ inputs of the sharp one for {power(cost)} operations"
    trees = [first_forecast(model, study) for model in ("two layers, sharp", "two layers, soft")]
    yield "{} nodes of the sharp one and {} of the soft one".format(*map(power, trees))


def first_forecast(model, study):
    """How many nodes a tree of all cases would have."""
    return float(in_layers(model, "every filling", study)[0]["tree"])


def nodes_of_a_case(model, study="layers"):
    """By how many tokens were left free, from none."""
    found = [float(row["nodes"]) for row in in_layers(model, "every filling", study)]
    return ", ".join(f"{nodes:.3g}" for nodes in reversed(found))


def least_share(model):
    """The least number of entries that certifies anything in the median, as a share of all."""
    own = [r for r in rows("noise_budget") if (r["model"], r["strategy"]) == (model, "entries")]
    bounds = {int(r["m"]): [] for r in own}
    for row in own:
        bounds[int(row["m"])].append(float(row["bound"]))
    least = min(m for m, found in bounds.items() if median(found) > 0)
    return least / int(own[0]["entries"])


def test_numbers_of_the_findings_are_those_of_the_rows():
    findings = " ".join((DOCS / "findings.md").read_text().split())
    for sentence in (*said(), *said_of_layers(), *said_of_layers_16(), *said_of_the_penalty()):
        assert sentence in findings, sentence


def test_what_was_extrapolated_says_no_bound():
    for row in rows("scaling"):
        assert (row["extrapolated"] == "True") == (row["failure_upper"] == "")
