"""Every kind of claim is put into words everywhere, and claims over rows on the command line."""

import json
from typing import get_args

import pytest

import probbound
from probbound.certificates.claim_text import SENTENCES
from probbound.certificates.model_card import page
from probbound.cli.claim_words import WORDS, bound, held, statement
from probbound.cli.facets import _MEASURES, Facet
from probbound.cli.main import run
from probbound.contract.claims import Claim, Kind
from probbound.models.store import save_model
from tests.probbound.tasks.next_token import rows

ROWS = "all 48 rows of tokens"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two networks and rows, by names in the working directory."""
    monkeypatch.chdir(tmp_path)
    rows.saved(tmp_path)
    for name, noise in (("net", 0.0), ("other", 0.05)):
        save_model(rows.model(name, noise), tmp_path / f"{name}.safetensors")
    return tmp_path


def predicate(claim, **task):
    made = probbound.certify(
        *(rows.model(), rows.task(**task)), strategy="iid", budget=30, delta=0.1, claim=claim
    )
    return made.to_json()


def printed(capsys, line, status=0):
    assert run(line.split()) == status
    return " ".join(capsys.readouterr().out.split())


def test_there_are_words_for_every_kind():
    for table in (WORDS, SENTENCES, _MEASURES):
        assert set(table) == set(get_args(Kind))


def test_a_divergence_says_of_what_from_what():
    found = predicate(Claim("kl", 0.05), against=rows.model("other", 0.05))
    reference = f"the network {found['claim']['population']['against']['sha256'][:16]}…"
    said = f"KL divergence of net from {reference} is at most 0.05 nats on at least"
    assert statement(found).startswith(said)
    assert statement(found).endswith(f"% of {ROWS}")
    assert bound(found)[0] == "divergence > 0.05 nats"
    assert held(found, "mine").startswith(said.replace("net from", "mine from"))
    text = page(found)
    assert f"of the model's distribution over answers from that of {reference} is at most" in text
    assert "--against other.safetensors --fresh" in text
    nothing = predicate(Claim("kl", 0.0), against=rows.model("other", 0.05))
    assert statement(nothing) == f"This bound says nothing of how net does on {ROWS}"
    assert "on all of them it may be above 0.0 nats." in page(nothing)


def test_a_loss_says_whether_it_is_cut():
    whole, cut = predicate(Claim("loss")), predicate(Claim("loss", 1.5))
    assert statement(whole).startswith("net has a mean loss of at most")
    assert "net has a mean loss, each cut at 1.5 nats, of at most" in statement(cut)
    assert held(cut, "mine").startswith("mean loss, each cut at 1.5 nats, of mine is at most")
    assert "No input has a loss above" in page(whole)
    assert "each cut at 1.5 nats, is **at most" in page(cut)
    assert "No input has a loss above" not in page(cut)
    assert "--fresh" not in page(whole)  # new samples test no mean


@pytest.mark.parametrize(
    ("claim", "at", "title"),
    [("loss", 2.0, "mean loss cut at 2"), ("kl", 0.5, "share with a divergence > 0.5 nats")],
)
def test_facets_of_claims_at_a_number_are_told_apart(claim, at, title):
    assert Facet("next-token", claim, at, "uniform", None).title == title


def test_a_loss_from_the_shell(folder, capsys):
    line = "certify net.safetensors --data rows.npz --claim loss --budget 30 --delta 0.1"
    out = printed(capsys, f"{line} --out made.json")
    assert "net has a mean loss of at most" in out
    assert "no loss above" in out
    assert f"over {ROWS}" in out
    made = json.loads((folder / "made.json").read_text())
    assert made["claim"]["kind"] == "loss"
    assert made["claim"]["at"] is None
    assert made["failure_upper"] is None
    assert made["sampling"]["failures"] is None
    assert made["bound"] < made["proof"]["largest_loss"]
    assert (made["ledger"][0]["theorem"], made["ledger"][0]["method"]) == ("9.10", "betting")
    cut = printed(capsys, f"{line} --at 1.25")
    assert "each cut at 1.25 nats" in cut
    assert "no loss counts more than 1.25 nats" in cut
    assert "mean cross-entropy" in printed(capsys, "show made.json")


def test_a_divergence_from_the_shell(folder, capsys):
    line = "certify net.safetensors --data rows.npz --claim kl --against other.safetensors"
    out = printed(capsys, f"{line} --at 0.02 --budget 30 --delta 0.1 --out made.json")
    assert "KL divergence of net from the network" in out
    assert "divergence > 0.02 nats on a share of at most" in out
    made = json.loads((folder / "made.json").read_text())
    assert (made["claim"]["kind"], made["claim"]["at"]) == ("kl", 0.02)
    assert made["proof"]["largest_loss"] is None
    assert 0 < made["failure_upper"] < 1
    assert made["bound"] == pytest.approx(1 - made["failure_upper"])
    everything = printed(capsys, f"{line} --at 1e-9 --strategy brute-force --json")
    assert json.loads(everything)["failure_upper"] == 1
