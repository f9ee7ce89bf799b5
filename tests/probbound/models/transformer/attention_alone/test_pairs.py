"""All cases and single sequences of two layers, against enumeration (10.9 and 10.10)."""

from dataclasses import replace

import numpy as np
import pytest

from probbound import UserError
from probbound.models.transformer.attention_alone import factored
from probbound.models.transformer.attention_alone.factored import Factored
from probbound.models.transformer.attention_alone.form import form_of
from probbound.models.transformer.attention_alone.near import plus
from probbound.models.transformer.attention_alone.pairs import Ending, PairTables
from probbound.models.transformer.network import GeneralTransformer
from probbound.tasks.induction.task import Induction, Repeats, matched
from tests.probbound.models.transformer.attention_alone.networks import (
    inducing_network,
    random_network,
)
from tests.probbound.models.transformer.attention_alone.reference import leads

# what is made, by noise and sharpness; the first is right everywhere
NETWORKS = {
    "right": inducing_network(v=4, n=5, whole=True),
    "noisy": inducing_network(1, v=4, n=5, sharp=20.0, noise=0.1, whole=True),
    "half broken": inducing_network(1, v=4, n=5, sharp=20.0, noise=0.3),
    "soft": inducing_network(3, v=4, n=5, sharp=2.0, noise=0.05),
    "random": random_network(0, v=4, n=5, scale=3.0),
    "two tokens": inducing_network(4, v=2, n=6, sharp=20.0, whole=True),
    "three places": inducing_network(5, v=5, n=3, noise=0.03, sharp=20.0, whole=True),
}


def every(model, repeats: Repeats = "once"):
    task = Induction(model.d_vocab, model.n_ctx, repeats)
    return task.population.members(np.arange(task.size))


@pytest.mark.parametrize("margin", [0.0, 0.7, -0.7])
@pytest.mark.parametrize("name", NETWORKS)
def test_pairs_prove_nothing_that_is_wrong(name, margin):
    model = NETWORKS[name]
    tokens, place = every(model), matched(every(model))
    label = tokens[np.arange(len(tokens)), place + 1]
    proved = PairTables(form_of(model), margin).proved()
    shown = proved[tokens[:, -1], tokens[:, -2], place, label]
    assert leads(model, tokens, label, margin)[shown].all()
    if name in ("right", "two tokens", "three places"):
        assert shown.all()


def in_sets(sets, tokens, label):
    """In how many of them each sequence is."""
    places = np.arange(tokens.shape[1])
    found = np.zeros(len(tokens), dtype=np.int64)
    for one in sets:
        found += one.allowed[places, tokens].all(axis=1) & (label == one.label)
    return found


@pytest.mark.parametrize("margin", [0.0, 0.7, -0.7])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_wrong_is_in_just_one_of_the_sets_that_are_left(name, margin):
    model = NETWORKS[name]
    tokens, place = every(model), matched(every(model))
    label = tokens[np.arange(len(tokens)), place + 1]
    tables = PairTables(form_of(model), margin)
    number, left = in_sets(tables.left(), tokens, label), tables.left()
    right = leads(model, tokens, label, margin)
    proved = tables.proved()[tokens[:, -1], tokens[:, -2], place, label]
    assert np.all(number <= 1)
    assert np.all(number[~right] == 1)
    assert not number[proved].any()
    assert number.sum() == sum(one.size for one in left)


def test_much_of_a_case_that_is_not_proved_is_not_left():
    model = inducing_network(6, v=4, n=6, sharp=8.0, noise=0.05, whole=True)
    tables, tokens = PairTables(form_of(model)), every(model)
    place = matched(tokens)
    label = tokens[np.arange(len(tokens)), place + 1]
    open_ = ~tables.proved()[tokens[:, -1], tokens[:, -2], place, label]
    left = sum(one.size for one in tables.left())
    assert np.count_nonzero(~leads(model, tokens, label)) <= left < 0.6 * np.count_nonzero(open_)


def by_the_hull(self, q, u):
    """The last position's ranges with all positions further back as one."""
    (n, v, _), out = self.form.atoms.shape, self.form.outcomes.shape[1]
    mean = self.near.mean(n - 1, self.last.read.transpose(1, 2, 0), q, u)
    found = plus(self.last.own[q], mean)
    keys = found[out * out :].reshape(2, 2, n, v)
    return Ending(q, u, -keys[:, 0], keys[:, 1], found[: out * out].reshape(out, out))


def test_the_exact_range_of_the_last_position_proves_what_the_hull_does_not(monkeypatch):
    form = form_of(inducing_network(8, v=4, n=6, sharp=6.0, noise=0.1, whole=True))
    exact = PairTables(form).proved()
    monkeypatch.setattr(PairTables, "ending", by_the_hull)
    hull = PairTables(form).proved()
    assert exact.sum() > hull.sum() > 0
    assert exact[hull].all()


@pytest.mark.parametrize("repeats", ["once", "any"])
@pytest.mark.parametrize("margin", [0.0, 0.7, -0.7])
@pytest.mark.parametrize("name", NETWORKS)
def test_look_ups_prove_nothing_that_is_wrong(name, margin, repeats):
    model = NETWORKS[name]
    tokens = every(model, repeats)
    place = matched(tokens)
    label = tokens[np.arange(len(tokens)), place + 1]
    shown = Factored(form_of(model), margin).tables().right(tokens, place)
    assert leads(model, tokens, label, margin)[shown].all()
    if name == "right" and repeats == "once":
        assert shown.all()


def test_some_is_proved_of_what_is_not_all_right():
    model = NETWORKS["noisy"]
    tokens = every(model)
    assert 0.2 < Factored(form_of(model)).tables().right(tokens, matched(tokens)).mean() <= 1
    assert PairTables(form_of(NETWORKS["half broken"])).proved().sum() > 0


def more_answers(model, extra):
    rng = np.random.default_rng(0)
    arrays = dict(model.arrays)
    d = model.architecture.d_model
    arrays["unembed.W_U"] = np.hstack([arrays["unembed.W_U"], rng.normal(size=(d, extra))])
    arrays["unembed.b_U"] = np.append(np.zeros(model.d_vocab), 18.0 + np.zeros(extra))
    return GeneralTransformer(arrays, replace(model.architecture, d_out=model.d_vocab + extra))


def test_answers_that_are_no_tokens_are_rivals():
    model = more_answers(NETWORKS["right"], 2)
    tokens, place = every(model), matched(every(model))
    label = tokens[np.arange(len(tokens)), place + 1]
    right = leads(model, tokens, label)
    assert not right.all()
    proved = PairTables(form_of(model)).proved()
    assert right[proved[tokens[:, -1], tokens[:, -2], place, label]].all()
    assert right[Factored(form_of(model)).tables().right(tokens, place)].all()
    plain = more_answers(NETWORKS["right"], 1)
    plain.arrays["unembed.b_U"][-1] = -100.0
    assert Factored(form_of(plain)).tables().right(tokens, place).all()


def test_scores_that_underflow_are_not_told_apart():
    """The first layer looks anywhere but at two tokens, of which one is far less looked at."""
    model = NETWORKS["right"]
    arrays = {name: x.copy() for name, x in model.arrays.items()}
    v, scale = 4, np.sqrt(model.architecture.d_model)
    arrays["blocks.0.attn.W_Q"][0, :, 0] = 0
    arrays["blocks.0.attn.W_Q"][0, v * 2 :, 0] = 742.0 * scale
    arrays["blocks.0.attn.W_K"][0, 0, 0] = 1.0  # token 0 outweighs all others by 2^-1070
    made = GeneralTransformer(arrays, model.architecture)
    form, tokens = form_of(made), every(made)
    place = matched(tokens)
    label = tokens[np.arange(len(tokens)), place + 1]
    right = leads(made, tokens, label)
    elsewhere = Factored(form).elsewhere
    assert np.all(elsewhere[1:, :, 1:] == 1)
    shown = Factored(form).tables().right(tokens, place)
    assert right[shown].all()
    proved = PairTables(form).proved()
    assert right[proved[tokens[:, -1], tokens[:, -2], place, label]].all()


@pytest.mark.parametrize("made", [{"layers": 1}, {"layers": 3}, {"heads": 2}])
def test_other_layers_and_heads_are_refused(made):
    form = form_of(random_network(0, **made))
    for maker in (PairTables, Factored):
        with pytest.raises(UserError, match="two layers of one head each"):
            maker(form)


def test_tables_that_would_be_too_large_are_refused(monkeypatch):
    monkeypatch.setattr(factored, "MOST_ENTRIES", 319)
    with pytest.raises(UserError, match="would have 320 entries, more than 319"):
        Factored(form_of(random_network(0)))
