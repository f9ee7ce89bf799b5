"""A transformer and rows of tokens on the command line, as whoever brings both meets them."""

import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from probbound import NextToken, certify, load, save_model
from probbound.cli.main import run
from tests.probbound.check.models.transformer.networks import NO_MLP, NO_NORM
from tests.probbound.models.transformer.networks import network
from tests.probbound.models.transformer.transformer_lens_files import SAID_3


@pytest.fixture
def brought(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = network(name="net")
    save_model(model, "net.safetensors")
    rng = np.random.default_rng(0)
    rows = rng.integers(0, min(model.d_vocab, model.d_vocab_out), (40, model.n_ctx))
    np.savez("rows.npz", tokens=rows)
    return model, rows


def printed(capsys, *arguments, status=0):
    assert run(list(arguments)) == status
    out, told = capsys.readouterr()
    return " ".join((told if status == 2 else out).split())


def test_a_model_and_rows_are_all_that_certify_needs(brought, capsys):
    out = printed(
        capsys, "certify", "net.safetensors", "--data", "rows.npz", "--against", "net.safetensors"
    )
    assert "net answers all 40 rows of tokens as the network" in out
    assert "auto: iid" in out


def test_the_page_says_the_number_of_rows_once(brought, capsys):
    settings = ("--data", "rows.npz", "--against", "net.safetensors", "--out", "c.json")
    printed(capsys, "certify", "net.safetensors", *settings)
    assert "answers **all** of 40 rows of tokens as the network" in printed(
        capsys, "show", "c.json"
    )


def test_the_checker_alone_confirms_it(brought):
    model, rows = brought
    made = certify(model, NextToken(rows, against=model), strategy="iid", budget=100)
    made.save("c.json")
    files = ("--data", "rows.npz", "--against", "net.safetensors")
    command = (sys.executable, "-m", "probbound.check", "c.json", "net.safetensors", *files)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("holds\n")


def test_one_layer_of_attention_is_asked_about_rows_once_it_is_imported_as_a_transformer(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    made = network(**NO_NORM, **NO_MLP)
    said = {**SAID_3, "n_layers": 1, "attn_only": True, "normalization_type": None}
    said |= {"n_heads": 2, "d_model": 4, "d_head": 3, "n_ctx": 5, "d_vocab": 7, "d_vocab_out": 6}
    save_file(
        {name: values for name, values in made.arrays.items() if name != "embed.b_E"},
        "theirs.safetensors",
        {"cfg": json.dumps({**said, "attn_scale": 1.5})},
    )
    printed(capsys, "import", "theirs.safetensors", "--out", "special.safetensors")
    np.savez("rows.npz", tokens=np.random.default_rng(0).integers(0, 6, (40, 6)))
    asked = ("--task", "next-token", "--data", "rows.npz")
    told = printed(capsys, "certify", "special.safetensors", *asked, status=2)
    assert "probbound import FILE --kind transformer --out MODEL.safetensors" in told
    again = ("special.safetensors", "--kind", "transformer", "--out", "general.safetensors")
    assert "network: 1 layer, 2 heads" in printed(capsys, "import", *again)
    printed(capsys, "certify", "general.safetensors", *asked, "--out", "c.json")
    files = ("--model", "general.safetensors", "--data", "rows.npz")
    assert printed(capsys, "verify", "c.json", *files).startswith("holds")
    told = printed(
        capsys, "verify", "c.json", "--model", "special.safetensors", *files[2:], status=1
    )
    assert "holds" not in told


def test_models_shows_what_a_file_holds(brought, capsys):
    model, _ = brought
    out = printed(capsys, "models", "net.safetensors")
    assert f"reads: at most {model.n_ctx} of {model.d_vocab} tokens" in out
    assert out.endswith("task: next-token")
    told = json.loads(printed(capsys, "models", "net.safetensors", "--json"))
    assert told["network"] == "transformer"
    assert told["parameters"] == sum(array.size for array in model.arrays.values())
    assert printed(capsys, "models", "mod-add-p59-s0").endswith("task: modular-addition")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("certify", "net.safetensors"), "that you bring: probbound certify MODEL --data TOKENS"),
        (("certify", "max-of-4", "--data", "rows.npz"), "max-of-k is about inputs of its own"),
        (("certify", "."), "probbound import makes one of a folder of Hugging Face"),
        (("noise", "net.safetensors"), "net is of kind transformer; --chain A,B bounds any"),
        (("noise", "mod-add-p59-s0", "--map"), "probbound import makes a file that does"),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(brought, capsys, arguments, told):
    assert told in printed(capsys, *arguments, status=2)


def test_a_sweep_says_that_it_takes_no_rows(brought, capsys):
    grid = ("--models", "net.safetensors", "--strategies", "iid", "--budgets", "10")
    out = printed(capsys, "sweep", "--out", "cells", *grid)
    assert "plans and sweeps take no rows" in out


def test_a_file_of_a_transformer_is_about_rows(brought):
    assert load("net.safetensors").kind == "transformer"


def test_of_strategies_over_rows_iid_stops_at_a_target(brought, capsys):
    settings = ("--data", "rows.npz", "--target", "0.5")
    told = printed(capsys, "certify", "net.safetensors", *settings, status=2)
    assert "auto has no target to stop at; iid has" in told
