"""Every bound that is printed for people, against the number in the JSON that it stands for."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest
from rich.console import Console

import probbound
from probbound.certificates.model_card import page
from probbound.certificates.vacuity import says_nothing
from probbound.cli.certify import certificate_table
from probbound.cli.certify import statement as sentence
from probbound.cli.main import run
from probbound.cli.noise import bounds_table
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.paths import noise_term
from probbound.models.store import save_model
from probbound.noise.contract import Quantity, Settings
from probbound.noise.registry import noise_table
from probbound.tasks.max_of_k.strategies import strategy_named
from probbound.tasks.max_of_k.task import task_for
from tests.factories import random_model

NUMBER = r"(-?\d[\d.]*(?:e[-+]?\d+)?)"
ACCURACY = probbound.Claim()
CASES = [
    *(
        (name, ACCURACY)
        for name in ("iid", "hybrid", "cascade", "cubic", "sub-cubic", "hybrid:low-rank-qk:sketch")
    ),
    *((name, ACCURACY) for name in ("brute-force", "entries", "entries:counted", "entries:svd")),
    *((name, probbound.Claim("margin", 0.25)) for name in ("iid", "hybrid", "cubic")),
    *((name, probbound.Claim("loss")) for name in ("iid", "hybrid", "cubic")),
]
BUDGETS = {"entries": 1 << 14, "entries:counted": 1 << 14}


@pytest.fixture(scope="module")
def model():
    return random_model(1, d_vocab=9, n_ctx=3)


def read(text: str, before: str, after: str = "") -> list[float]:
    """Every number that stands between two patterns; marks of Markdown and lines aside."""
    plain = " ".join(text.replace("*", "").split())
    return [float(found) for found in re.findall(before + " " + NUMBER + after, plain)]


@pytest.mark.parametrize(("strategy", "claim"), CASES)
def test_statements_pages_and_tables_never_say_more_than_the_certificate(model, strategy, claim):
    sampled = {"budget": BUDGETS.get(strategy, 77), "delta": 1.2345678e-3}
    options = {} if strategy_named(strategy).deterministic else sampled
    made = probbound.certify(model, task_for(model), strategy=strategy, claim=claim, **options)
    stored, shown = made.to_json(), io.StringIO()
    statements(stored)
    levels(stored)
    Console(file=shown, width=200).print(certificate_table(made))
    vacuous = says_nothing(stored)
    for text in (page(stored), f"{sentence(stored)}\n{shown.getvalue()}"):
        assert not vacuous or "says nothing" in text
        assert read(text, "δ =")[0] >= stored["delta"]
        if claim.kind == "loss":
            assert min(read(text, "(?:answers is|loss of) at most", " nats")) >= stored["bound"]
            assert min(read(text, "loss above", " nats")) >= stored["proof"]["largest_loss"]
        else:
            shares = read(text, "(?:share of|rate) at most")
            assert min(shares, default=1.0 if vacuous else -1.0) >= stored["failure_upper"]
            rights = read(text, "at least", " %") or ([0.0] if vacuous else [])
            assert Decimal(rights[0]) / 100 <= Decimal(stored["bound"])
            told = read(text, "certifie[sd]", " %")
            assert told or not stored["proof"]["certified_mass"]
            certified = Decimal(told[0] if told else 0) / 100
            assert certified <= Decimal(stored["proof"]["certified_mass"])


def levels(stored):
    """Of the page's table, the last column."""
    lines = re.findall(r"\| (\d[\d.e+-]*) \|\n", page(stored).split("share left")[1])
    for level, share in zip(stored["levels"], lines, strict=False):
        assert float(share) >= level["share_upper"]


def statements(stored):
    """The ledger's, in the order of the levels that are sampled."""
    levels = [level for level in stored["levels"] if level["mode"] == "sampled"]
    found = [read(spend["statement"], "at most") for spend in stored["ledger"]]
    with_a_bound = [numbers for numbers in found if numbers]
    assert len(with_a_bound) == (0 if stored["strategy"] == "cascade" else len(levels))
    for said, level in zip(with_a_bound, levels, strict=False):
        if stored["claim"]["kind"] == "loss":
            largest = stored["proof"]["largest_loss"]
            bounds = (largest, stored["sampling"]["mean_loss"], level["share_upper"] * largest)
            assert all(text >= bound for text, bound in zip(said, bounds, strict=True))
        else:
            assert len(said) == 1
            assert said[0] >= level["share_upper"]


def test_the_table_of_noise_bounds(model):
    term = noise_term(model, "qk", 1)
    quantities = [
        *(Quantity(name) for name in ("mean", "rms", "row-norms", "frobenius-norm")),
        Quantity("share-above", threshold=0.3),
        Quantity("quantile", level=0.9),
        Quantity("largest-row-spread"),
    ]
    settings = Settings(Stream.from_seed(3), 40)
    rows = noise_table(term, quantities, settings, exact=True)
    made = bounds_table(rows, "", 1.2345e-6, exact=True)
    method, bound, delta, *_, truth, _ = (map(str, column.cells) for column in made.columns)
    shown = [line for line in zip(method, bound, delta, truth, strict=True) if line[1]]
    assert len(shown) == len(rows)
    for (name, most, chance, value), row in zip(shown, rows, strict=True):
        assert name.strip() == row.method
        assert float(most) >= row.bound
        assert row.truth is not None
        assert float(most) >= float(value) or row.bound < row.truth
        assert float(chance) == 0 or float(chance) >= 1.2345e-6


def test_a_product_less_all_of_its_rank_has_a_truth_and_no_share_above_three_rms(capsys, tmp_path):
    """Every entry is rounding then; float64 alone puts each anywhere within its error."""
    rng = np.random.default_rng(0)
    v, d = 24, 8
    thin = rng.standard_normal((d, 1)) @ rng.standard_normal((1, d))
    weights = {
        "W_E": rng.standard_normal((v, d)),
        "W_pos": np.zeros((2, d)),
        "W_Q": thin[None],
        "W_K": np.eye(d)[None],
        "W_V": np.eye(d)[None],
        "W_O": np.eye(d)[None],
        "W_U": rng.standard_normal((d, v)),
        "attn_scale": np.array(1.0),
    }
    path = tmp_path / "thin.npz"
    np.savez(path, **weights)
    assert run(["noise", str(path), "--rank", "1", "--exact", "--json", "--budget", "600"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert all(row["bound"] >= row["truth"] for row in rows)
    assert {row["truth"] for row in rows if row["quantity"] == "share-above"} == {0.0}
    entry = next(row for row in rows if row["quantity"] == "largest-entry")
    assert 0 < entry["truth"] < 1e-13
    assert run(["noise", str(path), "--rank", "1", "--methods", "second-moments"]) == 0
    assert "small bounds speak of rounding here" in " ".join(capsys.readouterr().out.split())


COMMANDS = """
import sys
from probbound.cli.main import run
for arguments in (
    ["certify", sys.argv[1], "--strategy", "hybrid", "--budget", "20"],
    ["certify", sys.argv[1], "--strategy", "brute-force", "--claim", "loss"],
    ["certify", sys.argv[1], "--strategy", "brute-force"],
    ["certify", sys.argv[1], "--strategy", "cascade", "--budget", "20"],
    ["certify", sys.argv[1], "--strategy", "entries", "--budget", "9999"],
    ["plan", sys.argv[1], "--budget-flops", "1e7"],
    ["noise", sys.argv[1], "--exact", "--budget", "20"],
    ["train", "max-of-k", "--steps", "2", "--d-vocab", "5", "--n-ctx", "2", "--out", sys.argv[2]],
):
    assert run(arguments) == 0, arguments
"""


def test_commands_run_where_jax_raises_on_rank_promotion(tmp_path, model):
    path = tmp_path / "model.safetensors"
    save_model(model, path)
    subprocess.run(
        [sys.executable, "-c", COMMANDS, str(path), str(tmp_path / "trained.safetensors")],
        env=os.environ | {"JAX_NUMPY_RANK_PROMOTION": "raise"},
        check=True,
        capture_output=True,
    )
