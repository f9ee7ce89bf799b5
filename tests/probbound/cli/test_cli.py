"""The command line, as a user meets it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from probbound.cli.main import run
from probbound.cli.output import at_most, nats, operations, percent, seconds
from probbound.models.store import read_model


def answer(capsys, *arguments):
    """Exit status, stdout and stderr of one command."""
    status = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_certify_writes_a_certificate_that_verify_accepts(capsys, tmp_path):
    path = tmp_path / "c.json"
    options = ["--strategy", "hybrid", "--budget", 300, "--delta", 1e-6, "--out", path, "--json"]
    status, out, err = answer(capsys, "certify", "max-of-4", *options)
    assert status == 0
    found = json.loads(out)
    assert found["model"]["name"] == "max-of-4"
    assert found["failure_upper"] < 5e-5
    assert found == json.loads(path.read_text())
    assert "certificate written" in err
    status, out, _ = answer(capsys, "verify", path)
    assert status == 0
    assert out.startswith("holds")
    status, out, _ = answer(capsys, "verify", path, "--model", "max-of-4-s1")
    assert status == 1
    assert "it is about weights with digest" in out
    altered = json.loads(path.read_text()) | {"bound": 0.99999999}
    path.write_text(json.dumps(altered))
    status, out, _ = answer(capsys, "verify", path, "--json")
    assert status == 1
    verdict = json.loads(out)
    assert not verdict["holds"]
    assert verdict["reasons"] == ["bound stands in it twice, and not the same"]
    status, _, err = answer(capsys, "show", path)
    assert status == 2
    assert "was altered" in err


def test_fresh_samples_are_drawn_and_reported(capsys, tmp_path):
    path = tmp_path / "c.json"
    answer(capsys, "certify", "max-of-4", "--strategy", "iid", "--budget", 500, "--out", path)
    status, out, _ = answer(capsys, "verify", path, "--fresh", "--json")
    assert status == 0
    verdict = json.loads(out)
    assert verdict["fresh"]["agrees"]
    assert verdict["fresh"]["draws"] == 10_000
    assert verdict["fresh"]["false_alarm"] == 1e-6
    assert len(verdict["confirmed"]) == 4
    status, out, _ = answer(capsys, "verify", path, "--fresh")
    assert status == 0
    assert "new samples agree" in out


def test_new_samples_of_a_loss_are_refused_before_anything_is_computed(capsys, tmp_path):
    path = tmp_path / "c.json"
    options = ("--strategy", "iid", "--budget", 10, "--claim", "loss", "--out", path)
    answer(capsys, "certify", "max-of-4", *options)
    status, out, err = answer(capsys, "verify", path, "--fresh")
    assert (status, out) == (2, "")
    assert (
        err == "error: new samples test claims about answers, not about a loss; leave --fresh out\n"
    )
    assert answer(capsys, "verify", path)[0] == 0


def test_who_verifies_his_own_model_is_asked_for_its_file(capsys, tmp_path):
    path, weights = tmp_path / "c.json", _arrays(tmp_path)
    answer(capsys, "certify", weights, "--strategy", "iid", "--budget", 10, "--out", path)
    status, out, err = answer(capsys, "verify", path)
    assert (status, out) == (2, "")
    assert "about 'arrays', which is no shipped model; give its file: --model" in err
    assert answer(capsys, "verify", path, "--model", weights)[0] == 0


def test_show_prints_a_page_of_markdown(capsys, tmp_path):
    path = tmp_path / "c.json"
    answer(capsys, "certify", "max-of-4", "--strategy", "hybrid", "--budget", 50, "--out", path)
    status, out, _ = answer(capsys, "show", path)
    assert status == 0
    assert out.startswith("# max-of-4: a certified bound\n")
    assert answer(capsys, "show", path, "--json")[0] == 0


def test_the_question_decides_the_seed_unless_it_is_chosen(capsys):
    def made(*options):
        status, out, _ = answer(
            capsys, "certify", "max-of-4", "--strategy", "iid", "--budget", 9, "--json", *options
        )
        assert status == 0
        found = json.loads(out)
        return found["seed"], found["seed_source"], found["beacon"]

    assert made() == made()
    assert made()[1:] == ("content", None)
    assert made("--seed", 5) == (5, "chosen", None)
    assert made("--beacon", "block 1")[1:] == ("beacon", "block 1")
    assert len({made()[0], made("--beacon", "a")[0], made("--delta", 0.1)[0]}) == 3


def test_certify_prints_a_table_for_people(capsys):
    status, out, _ = answer(capsys, "certify", "max-of-4", "--strategy", "cubic")
    assert status == 0
    assert "max-of-4 answers at least 99.9" in out
    assert "deterministic" in out
    _, _, err = answer(
        capsys, "certify", "max-of-4", "--strategy", "cubic", "--budget", "5", "--json"
    )
    assert "cubic is deterministic" in err


def test_a_narrow_table_loses_nothing(capsys):
    question = ("max-of-4", "--strategy", "entries", "--budget", "9000", "--delta", "0.1")
    status, out, _ = answer(capsys, "certify", *question)
    assert status == 0
    assert "choosing tolerances" in out
    assert "beyond what is tolerated" in " ".join(out.split())


def test_models_lists_what_ships(capsys):
    status, out, _ = answer(capsys, "models", "--json")
    assert status == 0
    rows = {row["name"]: row for row in json.loads(out)["models"]}
    assert rows["max-of-4-v1024"]["d_vocab"] == 1024
    assert all(row["wrong"] < 0.005 * row["samples"] for row in rows.values())
    assert rows["mod-add-p59-direct"]["d_model"] == 256
    status, out, _ = answer(capsys, "models")
    assert status == 0
    assert "max-of-4-published" in out


def test_train_writes_a_model_that_can_be_certified(capsys, tmp_path):
    path = tmp_path / "tiny.safetensors"
    shape = ["--d-vocab", 8, "--d-model", 8, "--n-ctx", 2, "--steps", 150, "--seed", 3]
    status, out, _ = answer(capsys, "train", "max-of-k", "--out", path, *shape, "--json")
    assert status == 0
    report = json.loads(out)
    assert report["steps"] == 150
    assert read_model(path).d_vocab == 8
    status, out, _ = answer(capsys, "certify", path, "--strategy", "brute-force", "--json")
    truth = json.loads(out)["bound"]
    assert truth == pytest.approx(report["sampled_accuracy"], abs=0.01)


@pytest.mark.parametrize(
    ("task", "options", "told"),
    [
        ("modular-addition", ["--p", 7], "modular-addition"),
        ("group-product", ["--group", "s3"], "group-product:s3"),
    ],
)
def test_a_trained_pair_network_is_certified_on_the_task_its_file_names(
    capsys, tmp_path, task, options, told
):
    path = tmp_path / "pairs.safetensors"
    shape = ["--d-mlp", 32, "--d-model", 8, "--steps", 150, "--batch", 0, "--weight-decay", 0.1]
    status, out, _ = answer(capsys, "train", task, "--out", path, *options, *shape, "--json")
    assert status == 0
    report = json.loads(out)
    assert report["task"] == told
    status, out, _ = answer(capsys, "certify", path, "--strategy", "brute-force", "--json")
    assert status == 0
    certificate = json.loads(out)
    assert certificate["claim"]["task"] == task
    assert certificate["failure_upper"] == pytest.approx(report["wrong"] / report["samples"])


def test_demo_runs(capsys):
    status, out, _ = answer(capsys, "demo")
    assert status == 0
    assert "proof + sampling" in out
    assert "times" in out


def certify_with(*options):
    return ("certify", "max-of-4", "--strategy", "iid", *options)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("certify", "max-of-5", "--strategy", "iid"), "there is no model 'max-of-5'"),
        (("certify", "none.npz", "--strategy", "iid"), "there is no model file none.npz"),
        (("certify", "/", "--strategy", "iid"), "/ is a directory, not a model file"),
        (("plan", "max-of-4", "--target", "1"), "target must lie strictly between 0 and 1"),
        (("plan", "max-of-4", "--budget-flops", "1"), "and the budget buys no look at its answers"),
        (("certify", "max-of-4", "--strategy", "magic"), "there is no strategy 'magic'"),
        (("import", "x.pth"), "Missing option '--out'"),
        (certify_with("--delta", "0"), "delta must lie strictly between 0 and 1, got 0.0"),
        (certify_with("--delta", "1.5"), "delta must lie strictly between 0 and 1, got 1.5"),
        (certify_with("--delta", "0"), "; the least that can be used is 1e-300"),
        (certify_with("--delta", "1e-400"), "delta must be at least 1e-300, got 1e-400: a smaller"),
        (certify_with("--delta", "2e-301"), "delta must be at least 1e-300, got 2e-301: a smaller"),
        (("noise", "max-of-4", "--delta", "1e-400"), "delta must be at least 1e-300, got 1e-400"),
        (("noise", "max-of-4", "--delta", "1e-301"), "delta must be at least 1e-300, got 1e-301"),
        (("noise", "max-of-4", "--delta", "auto"), "'auto' is not a number"),
        (
            ("plan", "max-of-4", "--target", "0.1", "--delta", "1e-400"),
            "delta must be at least 1e-300, got 1e-400",
        ),
        (
            ("plan", "max-of-4", "--target", "0.1", "--delta", "1e-301"),
            "delta must be at least 1e-300, got 1e-301",
        ),
        (certify_with("--delta", "nan"), "delta must lie strictly between 0 and 1, got nan"),
        (certify_with("--budget", "-3"), "budget must be a non-negative integer, got -3"),
        (certify_with("--budget", "1.5"), "'1.5' is no whole number"),
        (certify_with("--seed", "-1"), "seed must be a non-negative integer"),
        (certify_with("--out", "/nonexistent/c.json"), "there is no directory /nonexistent"),
        (certify_with("--nonsense"), "No such option"),
        (("certify", "max-of-10", "--strategy", "brute-force"), "brute force would run"),
        (("train", "min-of-k", "--out", "x.safetensors"), "there is no task 'min-of-k'"),
        (("train", "max-of-k", "--out", "x.npz"), "--out must end in .safetensors"),
        (("train", "max-of-k", "--out", "x.safetensors", "--recipe", "r"), "there is no recipe"),
        (("train", "max-of-k", "--out", "x.safetensors", "--steps", "0"), "steps must be"),
        (("train", "max-of-k", "--out", "x.safetensors", "--d-model", "0"), "d_model must be"),
        (("train", "max-of-k", "--out", "x.safetensors", "--n-ctx", "0"), "n_ctx of at least 1"),
        (("verify", "none.json"), "there is no certificate none.json"),
        (("show", "none.json"), "there is no certificate none.json"),
        (certify_with("--seed", "1", "--beacon", "x"), "a seed or a beacon, not both"),
        (certify_with("--beacon", ""), "a beacon has 1 to 10000 characters, got 0"),
        (("frobnicate",), "No such command"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(capsys, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    status, out, err = answer(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert sentence in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["shape", "NaN"])
def test_unusable_weights_are_one_sentence_and_exit_2(tmp_path, wrong):
    """In a process of its own, where no import hook checks shapes first."""
    weights = dict(np.load(_arrays(tmp_path)))
    weights["W_Q"] = weights["W_Q"][:, :2] if wrong == "shape" else weights["W_Q"] * np.nan
    np.savez(tmp_path / "m.npz", **weights)
    command = [sys.executable, "-m", "probbound", "certify", str(tmp_path / "m.npz")]
    done = subprocess.run([*command, "--strategy", "cubic"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: W_Q")
    assert done.stderr.count("\n") == 1


def _arrays(tmp_path):
    from tests.factories import random_model

    model = random_model(0)
    names = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")
    path = tmp_path / "arrays.npz"
    np.savez(path, **{name: getattr(model, name) for name in names})
    return path


def test_numbers_are_printed_to_be_read():
    assert percent(0.5) == "50.00 %"
    assert percent(1.0) == "100 %"
    assert percent(1 - 2.6e-6) == "99.99974 %"
    assert percent(1 - 1e-20) == "100 %"
    assert [at_most(x) for x in (0.0, 1.0, 1.61e-6, 0.5)] == ["0", "1.0e+00", "1.7e-06", "5.0e-01"]
    assert [at_most(x) for x in (0.001, 0.005, 0.0050001)] == ["1.0e-03", "5.0e-03", "5.1e-03"]
    assert [nats(x) for x in (0.0, 0.1, 0.100001)] == ["0 nats", "0.1 nats", "0.101 nats"]
    assert [seconds(x) for x in (0.0123, 0.56, 7.0, 83.2)] == ["12 ms", "0.56 s", "7 s", "83 s"]
    assert [operations(x) for x in (12, 1500, 3_240_000_000)] == [
        "12 FLOP",
        "1.5 kFLOP",
        "3.24 GFLOP",
    ]
    assert [operations(x) for x in (999, 999_499, 999_600, 999_600_000, 3e15)] == [
        "999 FLOP",
        "999 kFLOP",
        "1 MFLOP",
        "1 GFLOP",
        "3e+03 TFLOP",
    ]
