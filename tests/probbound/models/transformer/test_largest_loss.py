"""No loss is above the largest one, whatever reaches the last norm (Theorem 9.10)."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp

from probbound.machine.errors import UserError
from probbound.models.transformer.largest_loss import (
    largest_loss,
    largest_loss_flops,
    last_norm,
)
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.running import outcomes
from tests.counting import counted, counting
from tests.probbound.check.models.transformer.networks import CASES, NO_NORM, ROW
from tests.probbound.models.transformer.networks import network, run_in

UNBOUNDED = ("no layer", "no norm", "norm of embeddings")
PLACES = {
    "no layer": None,
    "no norm": None,
    "norm of embeddings": None,
    "layer norm": "ln_final",
    "no head": "ln_final",
    "masked": "head.ln",
    "post": "ln_final",
}
LAST = {
    "final": {},
    "rms": {"norm": "rms"},
    "without a head": {"head": "none", "d_out": 4},
    "masked": {"head": "masked", "norm": "rms"},
    "capped": {"logit_cap": 0.8},
    "far capped": {"logit_cap": 500.0},
    "behind the last MLP": {"norm_place": "post", "final_norm": False},
    "behind the last attention": {
        "norm_place": "post",
        "final_norm": False,
        "d_mlp": 0,
        "activation": "none",
    },
    "of the embedding": {"n_layers": 0, "windows": [], "embedding_norm": True, "final_norm": False},
}


def losses(logits):
    return logsumexp(logits, axis=-1, keepdims=True) - logits


def answered(model, x):
    """What follows on the last norm's input, from the definition."""
    a, place = model.architecture, last_norm(model.architecture)
    kind = "layer" if a.head == "masked" else a.norm
    z = x - x.mean(axis=-1, keepdims=True) if kind == "layer" else x
    y = z / np.sqrt((z * z).mean(axis=-1, keepdims=True) + a.norm_eps)
    arrays = model.arrays
    y = y * arrays.get(f"{place}.w", 1.0) + arrays.get(f"{place}.b", 0.0)
    logits = y if a.head == "none" else y @ arrays["unembed.W_U"] + arrays.get("unembed.b_U", 0.0)
    return logits if a.logit_cap is None else a.logit_cap * np.tanh(logits / a.logit_cap)


def worst_input(model, j, m):
    """Whose outcome j is most above m, were there no mean to take away."""
    arrays, a = model.arrays, model.architecture
    W_U = np.eye(a.d_model) if a.head == "none" else arrays["unembed.W_U"]
    w = arrays.get(f"{last_norm(a)}.w", 1.0)
    return 1e6 * w * (W_U[:, j] - W_U[:, m])


@pytest.mark.parametrize("case", CASES)
def test_no_network_has_a_larger_loss(case):
    made = network(5, 3.0, **CASES[case])
    if case in UNBOUNDED:
        with pytest.raises(UserError, match=r"no largest one, as its outcomes .* with --at"):
            largest_loss(made)
        return
    with run_in("by operations"):
        found = losses(outcomes(made, np.array([ROW]))[0])
    assert found.max() <= largest_loss(made)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("case", LAST)
def test_no_input_of_the_last_norm_has_a_larger_loss_and_some_come_near(case, bare):
    random, nearest = np.random.default_rng(3), 0.0
    for seed in range(10):
        made = network(seed, 1.0, **LAST[case])
        if bare:  # neither weights nor biases of norms, nor a bias of outcomes
            kept = {n: v for n, v in made.arrays.items() if ".ln" not in n and "ln_" not in n}
            kept.pop("unembed.b_U", None)
            made = GeneralTransformer(kept, made.architecture)
        most, answers = largest_loss(made), made.architecture.d_out
        pairs = [(j, m) for j in range(answers) for m in range(answers) if j != m]
        inputs = [worst_input(made, j, m) for j, m in pairs]
        inputs += list(random.normal(size=(200, 4))) + list(1e-9 * random.normal(size=(20, 4)))
        found = losses(answered(made, np.array(inputs))).max()
        assert found <= most
        nearest = max(nearest, found / most)
    assert nearest > 0.4


def test_the_last_norm_is_the_one_before_the_answer():
    for case, place in PLACES.items():
        assert last_norm(network(**CASES[case]).architecture) == place
    assert last_norm(network(**LAST["behind the last MLP"]).architecture) == "blocks.0.ln2"
    assert last_norm(network(**LAST["behind the last attention"]).architecture) == "blocks.0.ln1"
    assert last_norm(network(**LAST["of the embedding"]).architecture) == "embed.ln"


def test_the_lesser_of_norm_and_cap_counts():
    far, near = network(logit_cap=500.0), network(logit_cap=0.01)
    plain = GeneralTransformer(far.arrays, replace(far.architecture, logit_cap=None))
    assert largest_loss(far) == largest_loss(plain) < 1000
    assert largest_loss(near) == pytest.approx(0.02 + math.log(6), rel=1e-5)
    capped = network(**{**NO_NORM, "logit_cap": 2.0})
    assert largest_loss(capped) == pytest.approx(4 + math.log(6), rel=1e-5)


def test_exponents_beyond_floats_are_no_matter_but_weights_beyond_them_are():
    made = network(2)
    scaled = {n: v * 1e4 if n == "unembed.W_U" else v for n, v in made.arrays.items()}
    found = largest_loss(GeneralTransformer(scaled, made.architecture))
    assert 1e3 < found < 1e6
    beyond = {n: v * 1e200 if n == "unembed.W_U" else v for n, v in made.arrays.items()}
    with pytest.raises(UserError, match="no largest one"):
        largest_loss(GeneralTransformer(beyond, made.architecture))


@pytest.mark.parametrize("case", ["final", "without a head"])
def test_operations_are_priced(case):
    made = network(**LAST[case])
    arrays = {name: counted(values) for name, values in made.arrays.items()}
    again = GeneralTransformer(arrays, made.architecture)
    with counting() as count:
        largest_loss(again)
    assert largest_loss_flops(made) == count.floats


def test_what_has_no_last_norm_costs_nothing():
    assert largest_loss_flops(network(**NO_NORM)) == 0
