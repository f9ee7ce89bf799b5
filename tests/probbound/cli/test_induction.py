"""Induction on the command line: trained, certified, shown; what is wrong is one sentence."""

import pytest

from probbound import save_model
from probbound.cli.main import run
from tests.probbound.tasks.induction.asked import RIGHT, SOME_WRONG

TINY = ["--d-vocab", "4", "--n-ctx", "5", "--d-model", "8", "--d-head", "8", "--steps", "2"]


@pytest.fixture(autouse=True)
def brought(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("probbound.tasks.induction.training.SCORED", 500)


def printed(capsys, *arguments, status=0):
    assert run(list(arguments)) == status
    out, told = capsys.readouterr()
    return " ".join((told if status == 2 else out).split())


def test_from_training_to_a_page(capsys):
    said = printed(capsys, "train", "induction", "--out", "mine.safetensors", *TINY)
    assert "of 500 sampled inputs wrong" in said
    said = printed(capsys, "certify", "mine.safetensors", "--strategy", "tree", "--out", "c.json")
    assert "inputs of induction" in said
    page = printed(capsys, "show", "c.json")
    assert "5 of 4 tokens; the last token stands exactly once before" in page


def test_a_network_that_is_right_everywhere_is_proved_so(capsys):
    save_model(RIGHT, "right.safetensors")
    for strategy in ("pairs", "hybrid", "tree"):
        asked = ("certify", "right.safetensors", "--task", "induction", "--strategy", strategy)
        assert "right answers all 4*3*3^3 inputs of induction correctly" in printed(capsys, *asked)


def test_a_universal_claim_is_verified(capsys):
    save_model(RIGHT, "right.safetensors")
    asked = ("--task", "induction", "--claim", "universal", "--revealed", "1")
    given = ("--strategy", "iid", "--budget", "20", "--out", "c.json")
    printed(capsys, "certify", "right.safetensors", *asked, *given)
    told = printed(capsys, "verify", "c.json", "--model", "right.safetensors")
    assert told.startswith("holds: share of cases, 1 more token revealed")


def test_a_universal_claim_needs_no_strategy(capsys):
    save_model(RIGHT, "right.safetensors")
    asked = ("--task", "induction", "--claim", "universal", "--revealed", "1", "--budget", "216")
    said = printed(capsys, "certify", "right.safetensors", *asked, "--out", "c.json")
    assert "auto: brute-force" in said
    assert "deterministic" in said
    assert "answers every filling of all cases correctly" in said
    page = printed(capsys, "show", "c.json")
    assert "of such cases the model answers **every** filling" in page


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--strategy", "pairs:3"), "there is no strategy"),
        (("--task", "induction:any", "--strategy", "pairs"), "repeat once; tree is for any"),
        (("--strategy", "iid", "--target", "0.1"), "target"),
        (("--strategy", "cascade", "--draws", "-1"), "draws"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(capsys, given, said):
    save_model(SOME_WRONG, "some.safetensors")
    task = () if "--task" in given else ("--task", "induction")
    told = printed(capsys, "certify", "some.safetensors", *task, *given, status=2)
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("given", "said"),
    [(("--layers", "0"), "layer"), (("--n-ctx", "2"), "n_ctx"), (("--steps", "0"), "steps")],
)
def test_training_options_are_refused(capsys, given, said):
    told = printed(capsys, "train", "induction", "--out", "x.safetensors", *given, status=2)
    assert said in told
