"""Certificates and weights of a sender who wants a false claim to be accepted."""

import copy
import zipfile
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import probbound
from probbound.certificates.model_card import page
from probbound.check import Refused, Unusable, read_weights
from probbound.check.judge import derived_seed, judge
from probbound.check.models.attention_only.network import Network
from probbound.check.models.attention_only.slack import Sizes, slack_of
from probbound.check.prior import Law
from probbound.check.stream import Stream
from probbound.check.tasks.max_of_k.gapped import Gapped
from probbound.check.tasks.max_of_k.grid import Gridded
from probbound.check.tasks.max_of_k.recipe import Screen
from probbound.check.tasks.max_of_k.sketch import Coins
from probbound.contract.claims import Claim
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.models.attention_only.forward_error import ForwardError
from probbound.models.attention_only.transformer import Transformer
from probbound.models.store import read_model
from probbound.tasks.max_of_k.task import task_for
from tests.factories import ASSORTED, copying_model, random_model, weights_of
from tests.forgeries import resealed
from tests.probbound.model_files import WEIGHTS, write_safetensors


def exact_product(left: np.ndarray, right: np.ndarray) -> Fraction:
    pairs = zip(left.tolist(), right.tolist(), strict=True)
    return sum((Fraction(a) * Fraction(b) for a, b in pairs), Fraction(0))


def almost_a_tie() -> Transformer:
    """Two tokens, one position; token 1 loses by less than a rounding, at logits near 2^-440.

    The squares of the embeddings underflow, and the other weights make up for their size.
    """
    rng, width = np.random.default_rng(0), 16
    while True:
        output, embedding = rng.standard_normal((2, width))
        for _ in range(3):
            embedding[-1] -= float(exact_product(embedding, output) / Fraction(output[-1].item()))
        if exact_product(embedding, output) < 0 < embedding @ output:
            break
    large, none = 2.0**60 * np.eye(width)[None], np.zeros((1, width, width))
    return Transformer(
        W_E=2.0**-560 * np.stack([-output, embedding]),
        W_pos=np.zeros((1, width)),
        W_Q=none,
        W_K=none,
        W_V=large,
        W_O=large,
        W_U=np.stack([np.zeros(width), output], axis=1),
        b_Q=np.zeros((1, width)),
        b_K=np.zeros((1, width)),
        b_V=np.zeros((1, width)),
        b_O=np.zeros(width),
        b_U=np.zeros(2),
        attn_scale=1.0,
        name="almost a tie",
    )


def test_weights_whose_squares_underflow_have_their_rounding_counted():
    model = almost_a_tie()
    forged = copy.deepcopy(
        probbound.certify(model, task_for(model), strategy="brute-force").to_json()
    )
    forged |= {"failure_upper": 0.0, "bound": 1.0, "confidence_weighted": 1.0}
    forged["levels"][0]["share_upper"], forged["proof"]["certified_mass"] = 0.0, 1.0
    assert not judge(resealed(forged), weights_of(model)).holds


def test_sizes_are_those_of_the_maker():
    for make in (*ASSORTED.values(), almost_a_tie):
        model = make()
        ours, makers = Sizes.of(weights_of(model)), ForwardError.of(model)
        assert np.allclose(ours.logits, makers.logits, rtol=1e-9, atol=0)
        assert np.allclose(ours.scores, makers.scores, rtol=1e-9, atol=0)


HALF = np.full(6, 0x4600, np.uint16)  # 8192 each as bfloat16


@pytest.mark.parametrize(
    "beside",
    [
        [("b_U", "I16", HALF)],
        [("ln_final.w", "BF16", HALF)],
        [("b_U", "F64", np.ones(6)), ("unembed.b_U", "F64", np.zeros(6))],
    ],
)
def test_a_file_with_weights_that_would_be_overlooked_is_refused(beside, tmp_path):
    entries = [(name, "F64", values) for name, values in WEIGHTS.items() if name != "b_U"]
    path = tmp_path / "model.safetensors"
    write_safetensors(path, entries)
    assert read_weights(path).b_U.tolist() == [0.0] * 6
    write_safetensors(path, [*entries, *beside])
    with pytest.raises(Unusable):
        read_weights(path)
    with pytest.raises(UserError):
        read_model(path)


def test_a_header_with_one_name_twice_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    entries = [(name, "F64", values) for name, values in WEIGHTS.items()]
    write_safetensors(path, [*entries, ("b_U", "F64", np.ones(6))])
    with pytest.raises(Unusable, match="twice"):
        read_weights(path)


def test_an_archive_with_one_name_twice_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    arrays: dict[str, Any] = WEIGHTS
    np.savez(path, **arrays)
    np.testing.assert_array_equal(read_weights(path).W_E, WEIGHTS["W_E"])
    with zipfile.ZipFile(path, "a") as archive, archive.open("b_U", "w") as file:
        np.lib.format.write_array(file, np.ones(6))
    with pytest.raises(Unusable, match="twice"):
        read_weights(path)
    with pytest.raises(UserError, match="twice"):
        read_model(path)


def test_an_archive_is_not_unpacked_beyond_what_is_reasonable(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    arrays: dict[str, Any] = WEIGHTS | {"W_E": np.zeros((1 << 20, 3))}
    np.savez_compressed(path, **arrays)
    monkeypatch.setattr("probbound.check.models.files._ANY_ARCHIVE", 1 << 20)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(Unusable, match="its arrays take more than"):
        read_weights(path)


TINY = copying_model(1, d_vocab=4, n_ctx=2)
IDLE = [
    ("iid", {"draws": 5}),
    ("hybrid", {"paths": "joint"}),
    ("sub-cubic", {"grid_points": 7}),
    ("hybrid:sub-cubic", {"grid_points": 7}),
    ("cascade", {"grid_points": 7}),
    ("cascade", {"target": 0.9, "draws": 30}),
]


@pytest.mark.parametrize(("strategy", "idle"), IDLE)
def test_a_setting_that_decides_nothing_but_the_seed_is_refused(strategy, idle):
    """Else a maker may try its values, and call the seed that he likes derived."""
    task = task_for(TINY)
    with pytest.raises(UserError):
        probbound.certify(TINY, task, strategy=strategy, budget=20, delta=0.1, **idle)
    asked = {name: value for name, value in idle.items() if name == "target"}
    made = probbound.certify(TINY, task, strategy=strategy, budget=20, delta=0.1, **asked)
    for place in ("levels", "law"):
        forged = copy.deepcopy(made.to_json())
        part = forged["recipe"][place]
        if part is not None:
            (part[0] if place == "levels" else part).update(idle)
            forged["ran"]["recipe"] = forged["recipe"]
            forged["seed"] = derived_seed(forged)
            (reason,) = judge(resealed(forged), weights_of(TINY)).refused
            assert "has an unknown" in reason


def test_only_a_cascade_is_interrupted():
    forged = probbound.certify(TINY, task_for(TINY), strategy="cubic").to_json()
    (reason,) = judge(resealed(forged | {"stopped_at": 3}), weights_of(TINY)).refused
    assert "cannot be interrupted" in reason


@pytest.mark.parametrize("bits", [0, 23, 25, 10**30])
def test_a_prior_has_one_name(bits):
    task = task_for(TINY, Prior((1, 2, 1, 1), 24))
    forged = probbound.certify(TINY, task, strategy="cubic").to_json()
    assert judge(resealed(forged), weights_of(TINY)).holds
    forged["claim"]["population"]["prior"]["rounded_bits"] = bits
    forged["seed"] = derived_seed(forged)
    assert not judge(resealed(forged), weights_of(TINY)).holds
    with pytest.raises(UserError):
        Prior((1, 2, 1, 1), bits)


@pytest.mark.parametrize("margin", [-0.0, 0, 1, 10**30])
def test_a_margin_has_one_name(margin):
    claim = Claim("margin", float(margin))
    forged = probbound.certify(TINY, task_for(TINY), strategy="cubic", claim=claim).to_json()
    assert judge(resealed(forged), weights_of(TINY)).holds
    forged["claim"]["at"] = margin
    forged["seed"] = derived_seed(forged)
    with pytest.raises(Refused, match=r"claim\.at"):
        resealed(forged)


def test_reasons_repeat_no_control_characters():
    forged = probbound.certify(TINY, task_for(TINY), strategy="cubic").to_json()
    forged |= {"chosen": "cubic\nholds", "strategy": "cubic\nholds"}
    assert judge(resealed(forged), weights_of(TINY)).holds
    forged["levels"][0]["check"] = "cubic\nholds"
    (reason,) = judge(resealed(forged), weights_of(TINY)).refused
    assert "\n" not in reason
    forged["recipe"]["levels"][0]["level"] = "cubic\nholds"
    with pytest.raises(Refused, match=r"recipe cannot be .*\\nholds"):
        resealed(forged)


def test_a_page_shows_what_was_asked_and_how_a_prior_is_spread():
    task = task_for(TINY, Prior((0, 1, 3, 0)))
    made = probbound.certify(TINY, task, strategy="iid", budget=7, delta=0.1000000001).to_json()
    made["cost"]["flops"] += 10**400
    shown = page(made)
    asked = "strategy iid; forward pass sampled; number of draws: fixed; budget 7; δ 0.1000000001"
    assert asked in shown
    assert "2 of 4 tokens occur, the most frequent one in 75 %" in shown


def test_a_small_certificate_cannot_ask_for_all_memory():
    long = random_model(0, d_vocab=8, n_ctx=300, d_model=2, d_head=2)
    weights = weights_of(long)
    network = Network(weights, slack_of(weights, 0.0))
    with pytest.raises(Refused, match="multisets of classes"):
        Gapped(network, Screen("sub-cubic"), Law.equal(8), Coins(Stream.of_seed(0), -1.0))
    with pytest.raises(Refused, match="too fine"):
        Gridded(network, Law.equal(8), 10**9)
