"""Single sequences by the first layer's own weights, against what is true (Theorem 10.20)."""

from dataclasses import replace

import numpy as np
import pytest

from probbound import UserError, load
from probbound.draws.random_streams import Stream
from probbound.models.transformer.attention_alone import soft
from probbound.models.transformer.attention_alone.factored import Factored
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.soft import Soft
from probbound.models.transformer.network import GeneralTransformer
from probbound.tasks.induction.task import Induction, Repeats, matched
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)
from tests.probbound.models.transformer.attention_alone.reference import attention, leads, states

NETWORKS = {
    "right": inducing_network(v=4, n=5, whole=True),
    "noisy": inducing_network(1, v=4, n=5, sharp=20.0, noise=0.1, whole=True),
    "half broken": inducing_network(1, v=4, n=5, sharp=20.0, noise=0.3),
    "soft": inducing_network(3, v=4, n=5, sharp=4.0, noise=0.05, whole=True),
    "random": random_network(0, v=4, n=5, scale=3.0),
    "two tokens": inducing_network(4, v=2, n=6, sharp=20.0, whole=True),
    "three places": inducing_network(5, v=5, n=3, noise=0.03, sharp=20.0, whole=True),
}


def every(model, repeats: Repeats = "once"):
    task = Induction(model.d_vocab, model.n_ctx, repeats)
    tokens = task.population.members(np.arange(task.size))
    return tokens, matched(tokens), task.labels(tokens)


def by_the_theorem(form, tokens, place, margin):
    """Whether Σ e P < w R, all of it from the network's own states, nothing raised."""
    n = len(form.atoms)
    rows, match = np.arange(len(tokens)), place + 1
    label = tokens[rows, match]
    before, behind, _ = states(form, tokens)
    e = attention(form, before, 0, 0)
    w = attention(form, behind, 1, 0)[rows, -1, match]
    moved = form.atoms @ form.values[0, 0]
    worth = form.values[1, 0] @ form.outcomes
    own, far = form.atoms @ worth, moved @ worth
    apart = [
        (own[p][:, :, None] - own[p][:, None]).max(axis=0)
        + (far[: p + 1][..., None] - far[: p + 1][..., None, :]).max(axis=(0, 1))
        for p in range(n)
    ]
    tau = np.max(apart, axis=0)[:, label].T[:, None]
    led = lambda x: x - np.take_along_axis(x, label[:, None, None], 2)  # noqa: E731
    seen = moved[np.arange(n), tokens]
    said = led((form.atoms[-1][tokens[:, -1]][:, None] + seen) @ form.outcomes) + tau + margin
    here = form.atoms[match, label] @ worth
    shown = tau - led(here[:, None] + seen @ worth)
    mean = led((here + far.mean(axis=(0, 1)))[:, None])
    scale = np.maximum(tau - mean, np.abs(np.max(apart, axis=0)).max() / 64)
    rival = (np.arange(form.outcomes.shape[1]) != label[:, None])[:, None]
    p = np.where(rival, said / scale, -np.inf).max(axis=2)
    q = np.where(rival, shown / scale, np.inf).min(axis=2)
    r = (e[rows, match] * q).sum(axis=1)
    return (r >= 0) & ((e[:, -1] * p).sum(axis=1) < w * r)


@pytest.mark.parametrize("repeats", ["once", "any"])
@pytest.mark.parametrize("margin", [0.0, 0.7, -0.7])
@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_that_is_wrong_is_proved_and_what_the_theorem_says_is(name, margin, repeats):
    model = NETWORKS[name]
    tokens, place, label = every(model, repeats)
    shown = Soft(form_of(model), margin).tables().right(tokens, place)
    assert leads(model, tokens, label, margin)[shown].all()
    assert np.array_equal(shown, by_the_theorem(form_of(model), tokens, place, margin))
    if name == "right" and repeats == "once":
        assert shown.all()


def test_of_the_natural_model_it_proves_what_sharp_tables_do_not():
    model = load("induction-v16-natural")
    tokens = Induction(model.d_vocab, model.n_ctx).sample(Stream.from_seed(0), 0, 2000)
    assert Soft(form_of(model)).tables().right(tokens, matched(tokens)).all()
    assert not Factored(form_of(model)).tables().right(tokens, matched(tokens)).any()


def test_more_answers_than_tokens_are_rivals():
    model = NETWORKS["right"]
    tokens, place, label = every(model)
    for bias in (18.0, -100.0):
        d = model.architecture.d_model
        arrays = dict(model.arrays)
        noise = np.random.default_rng(0).normal(size=(d, 1))
        arrays["unembed.W_U"] = np.hstack([arrays["unembed.W_U"], noise])
        arrays["unembed.b_U"] = np.append(np.zeros(model.d_vocab), bias)
        made = GeneralTransformer(arrays, replace(model.architecture, d_out=model.d_vocab + 1))
        shown = Soft(form_of(made)).tables().right(tokens, place)
        assert leads(made, tokens, label)[shown].all()
        assert shown.all() == (bias < 0)


def test_weights_that_underflow_prove_nothing():
    """Token 0, where it stands, outweighs all others in the first layer by 2^-1070."""
    model = NETWORKS["right"]
    arrays = {name: x.copy() for name, x in model.arrays.items()}
    arrays["blocks.0.attn.W_Q"][0, 8:, 0] = 742.0 * np.sqrt(model.architecture.d_model)
    arrays["blocks.0.attn.W_K"][0, 0, 0] = 1.0
    made = GeneralTransformer(arrays, model.architecture)
    tokens, place, label = every(made)
    shown = Soft(form_of(made)).tables().right(tokens, place)
    assert not shown[(tokens[:, :3] != 0).all(axis=1)].any()
    assert leads(made, tokens, label)[shown].all()


@pytest.mark.parametrize("coarse", [0.0, 1.0])
def test_what_rounding_may_do_is_counted(coarse, monkeypatch):
    """Were tables off by as much as is allowed for, proofs would hold; so a coarse unit costs."""
    form = form_of(NETWORKS["soft"])
    off = replace(form, roundings=round(form.roundings * (1 + coarse * 2e8)))
    tokens, place, _ = every(NETWORKS["soft"])
    shown = [Soft(each).tables().right(tokens, place) for each in (form, off)]
    assert shown[1].sum() <= shown[0].sum()
    assert (shown[1].sum() < shown[0].sum()) == bool(coarse)


@pytest.mark.parametrize("made", [{"layers": 1}, {"layers": 3}, {"heads": 2}])
def test_other_layers_and_heads_are_refused(made):
    with pytest.raises(UserError, match="soft is for two layers of one head each"):
        Soft(form_of(random_network(0, **made)))


def test_tables_that_would_be_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(soft, "MOST_ENTRIES", 1599)
    with pytest.raises(UserError, match="would have 1,600 entries, more than 1,599"):
        Soft(form_of(random_network(0)))


def test_nothing_wrong_is_proved_of_30_000_draws_of_a_bad_model():
    model, rng = load("induction-v16-natural"), np.random.default_rng(1)
    noisy = {name: x + 0.05 * rng.normal(size=x.shape) for name, x in model.arrays.items()}
    bad = GeneralTransformer(noisy, model.architecture)
    task = Induction(model.d_vocab, model.n_ctx)
    tokens = task.sample(Stream.from_seed(9), 0, 30_000)
    right = leads(bad, tokens, task.labels(tokens))
    shown = Soft(form_of(bad)).tables().right(tokens, matched(tokens))
    assert right[shown].all()
    assert 0.9 < shown.mean() < right.mean() < 0.995
