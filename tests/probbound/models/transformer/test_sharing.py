"""What rows or networks begin with is run once, and nothing comes out otherwise (Theorem 9.13)."""

import numpy as np
import pytest
from mpmath import mpf

from probbound.models.transformer import running
from probbound.models.transformer.flops import JointFlops, forward_flops, joint_flops, radii_flops
from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.plain import Plain
from probbound.models.transformer.radii import Radii
from probbound.models.transformer.running import of_each, outcomes, outcomes_with_radii
from probbound.models.transformer.sharing import Joint, Shared, shared, stages_alike
from probbound.models.transformer.sizing import sizes_of
from tests.probbound.check.models.transformer import exact
from tests.probbound.check.models.transformer.networks import CASES, ROW, random_arrays, stated
from tests.probbound.models.transformer.networks import COMPILED, architecture, network, run_in

CAUSAL = [case for case, changes in CASES.items() if changes.get("causal", True)]
QUICK = (*COMPILED, "no layer", "windows", "rotary, part of a head", "alibi, three heads")
TWO = {"n_layers": 2, "windows": [None, None]}


def joint(models, alike=None, ops=None):
    """With radii unless it is said."""
    alike = stages_alike(models) if alike is None else alike
    return Joint.of(models, ops or Radii(), alike, sizes=[sizes_of(model) for model in models])


def changed(made, *names, scale=0.5):
    """Another network, some arrays of which are others."""
    arrays = {n: v * (scale if n in names else 1.0) for n, v in made.arrays.items()}
    return GeneralTransformer(arrays, made.architecture, "changed")


@pytest.mark.parametrize(
    "case",
    [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in CAUSAL],
)
def test_the_real_outcome_behind_a_prefix_lies_within(case):
    said, spread = stated(**CASES[case]), 0.5 if len(case) % 2 else 2.0
    arrays = random_arrays(said, len(case), spread)
    made, rows = network(len(case), spread, **CASES[case]), np.array([ROW])
    with run_in("by operations"):
        alone = joint([made])
        (found,) = of_each(alone.after(rows[0, :3]), rows)
        (whole,) = of_each(alone, rows)
    np.testing.assert_allclose(found.value, whole.value, atol=1e-11)
    wanted = exact.outcomes(said, arrays, ROW)[-1]
    for value, real, radius in zip(found.value[0], wanted, found.radius[0], strict=True):
        assert abs(mpf(float(value)) - real) <= mpf(float(radius))
    np.testing.assert_allclose(found.radius, whole.radius, rtol=0.05)


@pytest.mark.parametrize("ops", [Plain(), Radii()], ids=["plain", "radii"])
@pytest.mark.parametrize("case", CASES)
def test_operations_are_split_and_nothing_is_added(case, ops):
    made = network(**CASES[case])
    each = {Plain(): forward_flops, Radii(): radii_flops}[ops](made, 5)
    stages = stages_alike([made])
    assert joint_flops([made], 5, Shared(0, stages), ops) == JointFlops(0, each)
    assert joint_flops([made, made], 5, Shared(0, stages), ops) == JointFlops(0, each)
    assert joint_flops([made, made], 5, Shared(0, 0), ops) == JointFlops(0, 2 * each)
    if made.architecture.causal:
        begun = joint_flops([made], 5, Shared(3, stages), ops)
        assert each / 5 < begun.each < 0.7 * each
        assert 0.9 * each < begun.once + begun.each <= each


def test_all_rows_go_on_from_what_they_begin_with_in_chunks_too(monkeypatch):
    made, rows = network(**TWO), np.random.default_rng(0).integers(0, 7, (21, 5))
    for prefix in (0, 1, 3, 4):
        rows[:, :prefix] = ROW[:prefix]
        assert shared([made], rows) == Shared(prefix, 4)
        (found,) = of_each(joint([made], ops=Plain()).after(rows[0, :prefix]), rows)
        np.testing.assert_allclose(found, outcomes(made, rows), atol=1e-13)
    begun = joint([made], ops=Plain()).after(rows[0, :4])
    assert begun.kept == 2 * 2 * 4 * 2 * 3
    monkeypatch.setattr(running, "CHUNK_BYTES", 1 << 11)
    assert running.rows_at_once(made.architecture, 5, start=4, kept=begun.kept) < 21
    np.testing.assert_allclose(of_each(begun, rows)[0], found, atol=1e-13)
    assert of_each(begun, rows[:0])[0].shape == (0, 6)


def test_one_position_is_left_and_rows_that_begin_otherwise_are_refused():
    made, rows = network(), np.array([ROW, ROW])
    assert shared([made], rows).prefix == shared([made], rows[:1]).prefix == 4
    assert shared([made], rows[:, :1]).prefix == 0
    assert shared([network(causal=False)], rows).prefix == 0
    assert shared([made, network(causal=False)], rows).prefix == 0
    with pytest.raises(ValueError, match="without a causal mask"):
        joint([made, network(causal=False)]).after(rows[0, :3])
    with run_in("by operations"):
        begun = joint([made], ops=Plain()).after(rows[0, :3])
    for other in (np.roll(rows, 1, axis=1), rows[:, :3]):
        with pytest.raises(ValueError, match="begin with the 3 tokens"):
            of_each(begun, other)


def test_stages_are_alike_up_to_the_first_that_differs():
    made = network(**TWO, head="masked")
    assert stages_alike([made]) == stages_alike([made, changed(made)]) == 4
    for name, alike in (
        ("embed.W_E", 0),
        ("pos_embed.W_pos", 0),
        ("blocks.0.attn.W_O", 1),
        ("blocks.0.mlp.b_out", 1),
        ("blocks.1.ln1.w", 2),
        ("ln_final.w", 3),
        ("head.W", 3),
        ("unembed.b_U", 3),
    ):
        assert stages_alike([made, changed(made, name)]) == alike, name
        assert stages_alike([changed(made, name), made, made]) == alike, name
    bare = changed(made, "blocks.1.attn.b_Q", scale=0.0)  # an array that is left out
    assert "blocks.1.attn.b_Q" not in bare.arrays
    assert stages_alike([made, bare]) == stages_alike([bare, made]) == 2


@pytest.mark.parametrize(
    ("changes", "alike"),
    [
        ({"windows": [None, 2]}, 2),
        ({"logit_cap": 3.0}, 3),
        ({"norm_eps": 1e-6}, 0),
        ({"score_cap": 3.0}, 0),
        ({"attn_scale": 2.0}, 0),
        ({"activation": "relu"}, 0),
        ({"positions": "shortformer"}, 0),
        ({"n_layers": 1, "windows": [None]}, 2),
        ({"head": "none", "d_out": 4}, 3),
    ],
)
def test_what_configurations_say_of_a_stage_has_to_be_the_same(changes, alike):
    made, said = network(**TWO), {**TWO, **changes}
    kept = {name: made.arrays[name] for name in random_arrays(stated(**said))}
    other = GeneralTransformer(kept, architecture(**said))
    assert stages_alike([made, other]) == stages_alike([other, made]) == alike


@pytest.mark.parametrize("prefix", [0, 2])
@pytest.mark.parametrize("name", ["blocks.1.attn.W_O", "unembed.W_U", "embed.W_E", None])
def test_networks_go_on_from_where_they_differ(name, prefix):
    made, rows = network(**TWO), np.array([ROW, [*ROW[:2], 1, 5, 0]])
    other = changed(made, name, scale=0.0)
    with run_in("by operations"):
        both = of_each(joint([made, other]).after(rows[0, :prefix]), rows)
        for found, model in zip(both, (made, other), strict=True):
            values, radii = outcomes_with_radii(model, rows, sizes_of(model))
            np.testing.assert_allclose(found.value, values, atol=1e-12)
            np.testing.assert_allclose(found.radius, radii, rtol=0.05)
    share = Shared(prefix, stages_alike([made, other]))
    each = joint_flops([made, other], 5, share, Radii()).each
    assert each <= radii_flops(made, 5) + radii_flops(other, 5)
    assert (each < radii_flops(made, 5) + radii_flops(other, 5)) == (
        prefix > 0 or name != "embed.W_E"
    )
