"""Networks of attention alone in homogeneous coordinates (Definition 10.3, Theorem 10.4)."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from probbound import UserError
from probbound.models.transformer.attention_alone.form import form_of, require_attention_alone
from probbound.models.transformer.network import GeneralTransformer
from tests.probbound.models.transformer.attention_alone.networks import (
    architecture,
    inducing_network,
    random_network,
)
from tests.probbound.models.transformer.attention_alone.reference import states


@pytest.mark.parametrize(("layers", "heads"), [(1, 1), (1, 2), (2, 1), (2, 3), (3, 2)])
def test_the_form_is_the_network(layers, heads):
    model = random_network(layers + heads, layers=layers, heads=heads, v=4, n=5)
    form, tokens = form_of(model), np.random.default_rng(0).integers(0, 4, (30, 5))
    assert (form.n_layers, form.n_heads) == (layers, heads)
    state = states(form, tokens)[-1]
    assert np.all(state[..., -1] == 1)
    np.testing.assert_allclose(state[:, -1] @ form.outcomes, model(tokens), rtol=1e-11, atol=1e-11)


def shared_heads(model, heads):
    a = replace(model.architecture, n_key_value_heads=1)
    arrays = {
        name: x[:1] if name.rsplit("_", 1)[-1] in ("K", "V") else x
        for name, x in model.arrays.items()
    }
    return GeneralTransformer(arrays, a)


def test_heads_may_share_keys_and_values():
    model = shared_heads(random_network(3, layers=2, heads=2), 2)
    tokens = np.random.default_rng(0).integers(0, 4, (20, 5))
    form = form_of(model)
    found = states(form, tokens)[-1, :, -1] @ form.outcomes
    np.testing.assert_allclose(found, model(tokens), rtol=1e-11, atol=1e-11)


def with_arrays(model, **changed):
    arrays = {**model.arrays, **{name.replace("__", "."): x for name, x in changed.items()}}
    return GeneralTransformer(arrays, model.architecture, "net")


def test_parts_of_an_embedding_that_cancel_are_rounded_before():
    model = random_network(1)
    large = np.full((4, 6), 2.0**60)
    changed = with_arrays(
        model,
        embed__W_E=large,
        embed__b_E=np.full(6, 0.75),
        pos_embed__W_pos=-np.ones((5, 6)) * 2.0**60,
    )
    atoms = form_of(with_arrays(model)).atoms
    assert np.abs(atoms).max() < 10
    with pytest.raises(UserError, match="too large"):  # of its scores nothing is known
        form_of(changed)
    small = {f"blocks.{i}.attn.W_{w}": np.zeros((1, 6, 3)) for i in (0, 1) for w in "QKV"}
    small |= {f"blocks.{i}.attn.b_{w}": np.zeros((1, 3)) for i in (0, 1) for w in "QK"}
    changed = GeneralTransformer({**changed.arrays, **small}, model.architecture)
    form = form_of(changed)
    exact = Fraction(2) ** 60 + Fraction(3, 4) - Fraction(2) ** 60
    off = abs(Fraction(float(form.atoms[0, 0, 0])) - exact)
    assert 0 < off <= Fraction(form.gamma * form.atom_size)


def test_sizes_are_those_of_all_parts():
    form, model = form_of(random_network(2)), random_network(2)
    width = form.atoms.shape[2]
    for layer in range(2):
        w, b = (model.arrays[f"blocks.{layer}.attn.{x}_V"][0] for x in "Wb")
        out, bias = (model.arrays[f"blocks.{layer}.attn.{x}_O"] for x in "Wb")
        both = np.vstack([w, b[None]])
        wanted = np.linalg.norm(both) * np.linalg.norm(out[0]) + np.linalg.norm(bias)
        assert wanted <= form.value_sizes[layer, 0] <= wanted * (1 + 1e-8)
    lengths = np.linalg.norm(form.atoms, axis=2)
    assert lengths.max() <= form.atom_size
    assert form.scores.shape == form.values.shape == (2, 1, width, width)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"norm": "layer", "norm_eps": 1e-5}, "norm none"),
        ({"d_mlp": 8, "activation": "relu"}, "d_mlp 0"),
        ({"positions": "none"}, "positions learned"),
        ({"causal": False}, "causal True"),
        ({"score_cap": 30.0}, "score_cap None"),
        ({"logit_cap": 30.0}, "logit_cap None"),
        ({"windows": (2, None)}, "no attention windows"),
        ({"n_layers": 0, "windows": ()}, "want a layer"),
        ({"n_ctx": 513}, "at most 512 positions"),
        ({"n_heads": 65, "n_key_value_heads": 65}, "64 heads"),
    ],
)
def test_other_networks_are_refused(changed, said):
    a = architecture(2, 1, 4, 5, d_model=6, d_head=3)
    require_attention_alone(a)
    with pytest.raises(UserError, match=said):
        require_attention_alone(replace(a, **changed))


@pytest.mark.parametrize("scale", [2.0**60, 1e150, 1e300])
@pytest.mark.parametrize("name", ["embed.W_E", "blocks.0.attn.W_Q", "unembed.W_U"])
def test_weights_that_are_too_large_are_refused(name, scale):
    model = inducing_network(v=4, n=4)
    arrays = {**model.arrays, name: model.arrays[name] * scale}
    made = GeneralTransformer(arrays, model.architecture)
    if (name, scale) == ("unembed.W_U", 2.0**60):
        assert form_of(made)
        return
    with pytest.raises(UserError, match="too large for a bound in float64"):
        form_of(made)
