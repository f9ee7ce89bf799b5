import re

import pytest

import probbound
from probbound.model_card import page
from probbound.models.store import renamed
from probbound.tasks import task_for
from tests.factories import copying_model


def card(strategy, model=None, **options):
    model = model or copying_model(3)
    made = probbound.certify(model, task_for(model), strategy=strategy, **options)
    return made, page(made.to_json())


def test_it_says_what_is_claimed_and_how_surely():
    made, text = card("hybrid", budget=15, delta=0.01)
    assert "**high-probability**" in text
    assert "δ = 0.01" in text
    (rate,) = re.findall(r"share of at most \*\*(\S+)\*\* is answered wrongly", text)
    assert made.failure_upper <= float(rate) < 1.01 * made.failure_upper
    (share,) = re.findall(r"\*\*at least (\S+) %\*\*", text)
    assert made.bound - 1e-3 < float(share) / 100 <= made.bound
    assert made.model_sha256 in text
    assert made.ledger[0].statement in text
    assert "probbound verify" in text


def test_deterministic_certificates_have_no_ledger():
    _, text = card("cubic")
    assert "**deterministic**" in text
    assert "No failure probability was spent." in text


@pytest.mark.parametrize("name", ["a|b", "x\n# heading", "<script>", "[l](u)", "`c`", "\x1b[31m"])
def test_names_can_be_nothing_but_text(name):
    _, text = card("cubic", renamed(copying_model(3), name))
    heading = text.splitlines()[0]
    assert heading.startswith("# ")
    assert heading.endswith(": a certified bound")
    assert not re.search(r"(?<!\\)[<\[`|\x1b]", heading)
    assert text.count("\n# ") == 0


def test_every_table_is_rectangular():
    _, text = card("cascade", budget=20, delta=0.1)
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        rows = [len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()]
        assert len(set(rows)) == 1
