import re

import pytest

import probbound
from probbound.certificates.model_card import page
from probbound.models.store import renamed
from probbound.tasks.max_of_k.task import task_for
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


@pytest.mark.parametrize("delta", [0.001, 0.1, 1e-6, 1.5e-300])
def test_a_short_delta_is_shown_as_it_is(delta):
    _, text = card("iid", budget=15, delta=delta)
    assert f"at most δ = {delta:g}," in text
    assert f"fail with probability at most {delta:g}." in text


def test_a_prior_is_named_within_the_sentence():
    model = copying_model(3)
    prior = probbound.Prior((1, 2, 3, 4, 5, 6))
    made = probbound.certify(model, task_for(model, prior), strategy="cubic")
    text = page(made.to_json())
    assert f"max-of-k (weighted by the prior over tokens with SHA-256 {prior.sha256}: 6 of" in text
    assert "28.6 % of places), the" in text


def test_of_a_loss_the_share_of_a_forward_pass_is_explained():
    _, text = card("iid", budget=15, delta=0.01, claim=probbound.Claim("loss"))
    assert "| forward pass | sampled | 15 |  | " in text
    assert "divided by the largest loss." in text
    assert "divided by the largest loss." not in card("iid", budget=15, delta=0.01)[1]


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
