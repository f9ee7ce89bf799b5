"""Tables of all pairs that are too large are refused before they are made."""

import tracemalloc

import numpy as np
import pytest

import probbound
from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import PairMLP
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.screens.room import MOST_NUMBERS, gates_numbers, low_rank_numbers
from tests.probbound.tasks.pairs.networks import planted

P = 16_381


@pytest.fixture(scope="module")
def large():
    """A network of large p, of few neurons."""
    rng = np.random.default_rng(0)
    return PairMLP(rng.normal(size=(P, 4)), rng.normal(size=(4, P)))


@pytest.mark.parametrize(
    "strategy",
    [
        *("low-rank:2", "gates:2", "entries:2", "entries:exact:2", "entries:norm:2"),
        *("hybrid:low-rank:2", "cascade:gates:2"),
    ],
)
def test_too_large_tables_are_refused_with_what_needs_none(large, strategy):
    tracemalloc.start()
    with pytest.raises(UserError, match=r"16,381 values of each operand would hold .* GB"):
        probbound.certify(large, ModularAddition(P), strategy=strategy, budget=10)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < P**2


@pytest.mark.parametrize("strategy", ["auto", "iid"])
def test_draws_need_no_such_tables(large, strategy):
    tracemalloc.start()
    made = probbound.certify(large, ModularAddition(P), strategy=strategy, budget=10)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made.chosen == "iid"
    assert most < P**2


def test_what_is_said_to_be_held_is_about_what_is_held():
    from probbound.tasks.pairs.screens.gates import GatesScreen
    from probbound.tasks.pairs.screens.low_rank import LowRankScreen

    net = planted(p=211, frequencies=(1, 5), each=4)
    for made, said in (
        (lambda: GatesScreen.of(net, 4, 8, exact_tail=False).losses, gates_numbers(211, 4, 8)),
        (lambda: LowRankScreen.of(net, 4), low_rank_numbers(211)),
    ):
        tracemalloc.start()
        kept = made()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert kept is not None
        assert said / 3 < most / 8 < 3 * said
    assert gates_numbers(499, 16, 8) < low_rank_numbers(11_000) < MOST_NUMBERS
