"""Own claims in words: never more than the certificate says, and names are nothing but text."""

import re

import pytest

from probbound.certificates.own_card import claimed, page, says_nothing
from tests.own_claims import QUESTIONS

FEW = [name for name in QUESTIONS if name.endswith((" 0", " 2", " 5"))]


@pytest.mark.parametrize("name", FEW)
def test_the_sentence_says_no_more_than_the_certificate(name):
    predicate = QUESTIONS[name].certify()
    sentence = claimed(predicate)
    ends = "mean" if predicate["failure_upper"] is None else "failure"
    lower, upper = predicate[f"{ends}_lower"], predicate[f"{ends}_upper"]
    found = dict(re.findall(r"(at most|to|exactly|at least|from) (-?[0-9.e-]*[0-9])", sentence))
    assert found
    for word in ("at most", "to"):
        assert float(found.get(word, upper)) >= upper
    for word in ("at least", "from"):
        assert float(found.get(word, lower)) <= lower
    if "exactly" in found:
        assert predicate["guarantee"] == "deterministic"
        assert float(found["exactly"]) == pytest.approx(upper, rel=1e-11)
    assert ("says nothing" in sentence) == says_nothing(predicate)


@pytest.mark.parametrize("name", FEW)
def test_the_page_is_whole(name):
    predicate = QUESTIONS[name].certify()
    shown = page(predicate)
    assert predicate["self_sha256"] in shown
    assert f"**{predicate['guarantee']}**" in shown
    assert all(row["theorem"] in shown for row in predicate["ledger"])
    assert shown.count("- ") >= len(predicate["trusted"])
    for block in re.findall(r"(?:^\|.*\n)+", shown, flags=re.MULTILINE):
        rows = [len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()]
        assert len(set(rows)) == 1


def test_what_nothing_was_looked_at_for_says_nothing():
    assert says_nothing(QUESTIONS["product 3"].certify())
    assert not says_nothing(QUESTIONS["product 0"].certify())


@pytest.mark.parametrize("name", ["a|b", "x\n# heading", "<script>", "[l](u)", "`c`", "\x1b[31m"])
def test_names_can_be_nothing_but_text(name):
    predicate = QUESTIONS["product 0"].certify()
    predicate["claim"]["name"] = predicate["claim"]["checks"][0]["name"] = name
    heading = page(predicate).splitlines()[0]
    assert heading.endswith(": a certified bound")
    assert not re.search(r"(?<!\\)[<\[`|\x1b]", heading)
    assert page(predicate).count("\n# ") == 0
    assert claimed(predicate).isprintable()
