"""What has no meaning is no cell, and what would stand for nothing is refused."""

from __future__ import annotations

import pytest

from probbound.machine.errors import UserError
from probbound.sweeps.claims import claim_named
from probbound.sweeps.config import SweepConfig
from probbound.sweeps.meaning import cells_of, left_out, require_meaning
from probbound.tasks.max_of_k.grammar import strategy_names
from probbound.tasks.max_of_k.strategies import strategy_named

DIGESTS = {"m": "0" * 64, "wide": "1" * 64}
PRIORS = {"zipf.txt": {"m": "2" * 64}}
CLAIMS = ("accuracy", "margin:0.5", "loss")


def grid(*strategies: str, models=("m",), claims=CLAIMS, priors=("uniform", "zipf.txt"), **lists):
    return SweepConfig(models, strategies, claims=claims, priors=priors, **lists)


def test_every_combination_is_a_cell_or_left_out_with_a_reason():
    config = grid(*strategy_names(), "auto", budgets=(5,), deltas=(0.1,))
    cells, without = cells_of(config, DIGESTS, PRIORS), left_out(config, DIGESTS, PRIORS)
    assert not set(cells) & set(without)
    asked = {(cell.strategy, cell.claim, cell.prior) for cell in (*cells, *without)}
    assert len(asked) == len(cells) + len(without) == len(config.strategies) * 3 * 2


def test_what_is_left_out_is_what_the_strategy_itself_refuses():
    config = grid(*strategy_names(), budgets=(5,), deltas=(0.1,))
    cells = set(cells_of(config, DIGESTS, PRIORS))
    for cell in (*cells, *left_out(config, DIGESTS, PRIORS)):
        strategy = strategy_named(cell.strategy)
        try:
            strategy.require_way_to(claim_named(cell.claim), weighted=cell.prior != "uniform")
        except UserError:
            assert cell not in cells
        else:
            assert cell in cells


def test_auto_is_for_the_accuracy_under_a_uniform_prior_alone():
    (cell,) = cells_of(grid("auto"), DIGESTS, PRIORS)
    assert (cell.claim, cell.prior) == ("accuracy", "uniform")
    assert set(left_out(grid("auto"), DIGESTS, PRIORS).values()) == {
        "auto plans for the accuracy under a uniform prior; name a strategy"
    }


def test_a_prior_is_for_the_models_that_have_its_tokens():
    config = grid("iid", models=("m", "wide"), claims=("accuracy",))
    cells = cells_of(config, DIGESTS, PRIORS)
    assert [(cell.model, cell.prior) for cell in cells] == [
        ("m", "uniform"),
        ("m", "zipf.txt"),
        ("wide", "uniform"),
    ]
    assert [cell.prior_sha256 for cell in cells] == [None, "2" * 64, None]
    assert set(left_out(config, DIGESTS, PRIORS).values()) == {
        "zipf.txt is no prior over the tokens of wide"
    }
    require_meaning(config, DIGESTS, PRIORS)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (grid("iid", "cascade", claims=("loss",)), "the strategy cascade has no meaning in this"),
        (grid("cascade", claims=("accuracy", "loss")), "the claim loss has no meaning in this"),
        (grid("entries", claims=("accuracy",)), "the prior zipf.txt has no meaning in this grid"),
        (
            grid("iid", models=("m", "wide"), priors=("zipf.txt",)),
            "the model wide has no meaning in this grid: zipf.txt is no prior over the tokens",
        ),
    ],
)
def test_what_would_stand_for_nothing_is_refused(config, sentence):
    with pytest.raises(UserError, match=sentence):
        require_meaning(config, DIGESTS, PRIORS)


def test_a_noise_that_cannot_bound_a_loss_does_not_condemn_its_strategy():
    config = grid("low-rank-qk", noises=("own", "sketch"), claims=("loss",), priors=("uniform",))
    require_meaning(config, DIGESTS)
    assert [cell.strategy for cell in cells_of(config, DIGESTS)] == ["low-rank-qk"]
    assert [cell.strategy for cell in left_out(config, DIGESTS)] == ["low-rank-qk:sketch"]
