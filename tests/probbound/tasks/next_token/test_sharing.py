"""Questions about rows that begin alike, and networks that do, are answered and booked once."""

from shlex import split

import numpy as np
import pytest

import probbound
from probbound.check.__main__ import main as check
from probbound.cli.main import run
from probbound.models.store import save_model
from probbound.models.transformer import sizing
from probbound.models.transformer.answering import ARITHMETICS
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.running import outcomes
from probbound.models.transformer.sharing import Shared
from probbound.tasks.next_token.asking import brought
from probbound.tasks.next_token.question import RowQuestion
from probbound.tasks.next_token.task import NextToken
from tests.probbound.models.transformer.networks import network
from tests.probbound.tasks.next_token import rows


def begun_alike(number=20):
    """Rows that begin with the same two tokens, most of them answered rightly."""
    read = rows.tokens()[:number, :-1].copy()
    read[:, :2] = read[0, :2]
    last = outcomes(rows.model(), read).argmax(axis=1)
    last[:3] = (last[:3] + 1) % 6
    return np.concatenate([read, last[:, None]], axis=1)


def ablated():
    """The network without one of its heads."""
    made = rows.model()
    arrays = {name: values.copy() for name, values in made.arrays.items()}
    arrays["blocks.0.attn.W_O"][1] = 0
    return GeneralTransformer(arrays, made.architecture, "ablated")


def question(task, model=None):
    return RowQuestion(model or rows.model(), task, budget=9, delta=0.1, seed=0)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_outcomes_of_all_networks_are_those_of_each_alone(arithmetic):
    tokens = begun_alike()
    asked = question(NextToken(tokens, arithmetic, ablated()))
    assert asked.share == Shared(prefix=2, alike=1)
    found = asked.answers(tokens[:, :-1], 0.0)
    for spread, model in zip(found, asked.models, strict=True):
        alone = asked.task.of.answering(model)(tokens[:, :-1], 0.0)
        np.testing.assert_allclose(spread.values, alone.values, atol=1e-12)
        np.testing.assert_allclose(spread.radii, alone.radii, rtol=0.05)
        np.testing.assert_allclose(spread.allowance, alone.allowance, rtol=0.05)
    with pytest.raises(ValueError, match="begin with the 2 tokens"):
        asked.answers(rows.tokens()[:, :-1], 0.0)
    other = asked.networks(rows.tokens()[:, :-1], 0.0)  # has no prefix
    np.testing.assert_allclose(
        other[0].values, outcomes(rows.model(), rows.tokens()[:, :-1]), atol=1e-12
    )


def test_what_is_booked_is_what_is_done():
    tokens = begun_alike()
    alone = question(NextToken(rows.tokens()))
    assert (alone.share, alone.flops.once) == (Shared(prefix=0, alike=3), 0)
    begun = question(NextToken(tokens))
    assert begun.flops.once > 0
    assert begun.flops.each < 0.7 * alone.flops.each
    both = question(NextToken(tokens, against=ablated()))
    assert begun.flops.each < both.flops.each < 2 * begun.flops.each
    assert both.once_flops == sizing.sizes_flops(*both.models) < 2 * begun.once_flops
    same = question(NextToken(tokens, against=rows.model("again")))
    assert (same.flops, same.once_flops) == (begun.flops, begun.once_flops)
    made = probbound.certify(rows.model(), begun.task, strategy="brute-force")
    booked = {phase.name: phase.flops for phase in made.cost.phases}
    assert booked == {
        "sizes of matrices": begun.once_flops,
        "common prefix": begun.flops.once,
        "all rows": 20 * begun.flops.each,
    }
    assert made.failure_upper == pytest.approx(3 / 20, rel=1e-15)


def test_sizes_are_found_once_for_arithmetic_and_answers(tmp_path, monkeypatch):
    found, sized = [], sizing._sized
    monkeypatch.setattr(sizing, "_KNOWN", {})
    monkeypatch.setattr(
        sizing, "_sized", lambda values, **how: found.append(values) or sized(values, **how)
    )
    task = brought(rows.model(), rows.saved(tmp_path))
    assert task.arithmetic == "real"
    assert len(found) == 6
    probbound.certify(rows.model(), task, strategy="iid", budget=5)
    assert len(found) == 6


@pytest.mark.parametrize("against", ["", "--against ablated.safetensors"])
def test_the_checker_computes_each_row_by_itself_and_agrees(against, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows.saved(tmp_path, begun_alike())
    save_model(rows.model(), tmp_path / "net.safetensors")
    save_model(ablated(), tmp_path / "ablated.safetensors")
    data = f"--data rows.npz {against}"
    for arithmetic in ARITHMETICS:
        how = f"--strategy iid --budget 15 --delta 0.1 --arithmetic {arithmetic} --out made.json"
        assert run(split(f"certify net.safetensors {data} {how}")) == 0
        assert run(split(f"verify made.json --model net.safetensors {data}")) == 0
        assert check(split(f"made.json net.safetensors {data}")) == 0


def test_networks_without_a_causal_mask_share_no_prefix():
    tokens = begun_alike()
    asked = question(NextToken(tokens), network(causal=False))
    assert asked.share.prefix == asked.flops.once == 0
