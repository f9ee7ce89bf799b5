"""Models by name: shipped, or made by the builder of their word."""

from __future__ import annotations

import pytest

from probbound.machine.errors import UserError
from studies.models import model_named


def test_a_name_says_what_is_planted(tmp_path):
    largest = model_named("planted-max-of-3-v16-d8-s0", tmp_path)
    assert (largest.n_ctx, largest.d_vocab, largest.d_model) == (3, 16, 8)
    adding = model_named("planted-mod-add-p29-noise0.05-s1", tmp_path)
    assert (adding.name, adding.d_vocab) == ("planted-mod-add-p29-noise0.05-s1", 29)
    assert adding.W_out is not None
    assert model_named("planted-mod-add-p29-noise0-s1-direct", tmp_path).W_out is None


def test_a_shipped_model_needs_no_builder(tmp_path):
    assert model_named("mod-add-p59-s0", tmp_path).d_vocab == 59


@pytest.mark.parametrize("name", ["planted-mod-add-p29", "trained-max-of-4-v64-d32-s0"])
def test_a_name_that_goes_on_otherwise_is_refused_with_an_example(name, tmp_path):
    with pytest.raises(
        UserError, match=r"no model can be made of .*; name it as (planted|trained)"
    ):
        model_named(name, tmp_path)
