"""Operations that are booked by formula, held to what NumPy is seen to do.

A formula lies between the operations on floats and those on floats and integers: which integers
only say where data lie, an array cannot tell. What a test leaves beyond that, it states.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
import scipy.fft

from probbound.contract.cost import CostMeter
from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.models.attention_only import additive
from probbound.models.attention_only.forward_error import ForwardError, forward_error_flops
from probbound.models.attention_only.transformer import in_float64
from probbound.tasks.max_of_k import losses
from probbound.tasks.max_of_k.methods import brute_force
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens import (
    bracket_check,
    grid,
    knapsack,
    listing,
    paths,
    sequences,
    split,
)
from probbound.tasks.max_of_k.screens.ladder import LadderScreen
from probbound.tasks.max_of_k.screens.split_error import Peeled, structure_error
from probbound.tasks.max_of_k.screens.split_error import structure_error_flops as error_flops
from probbound.tasks.max_of_k.strategies import strategy_named
from probbound.tasks.max_of_k.task import MaxOfK
from tests.counting import CountingMeter, counted, counting
from tests.factories import random_model

SIZES = {
    "one head": {"d_vocab": 24, "n_ctx": 3, "d_model": 8, "d_head": 4},
    "two heads": {"d_vocab": 10, "n_ctx": 4, "n_heads": 2, "d_vocab_out": 13},
}
LOOKS = 40


@dataclass(frozen=True)
class Setting:
    """A model, its tables, and sequences to look at; all arrays are counted."""

    model: object
    tables: additive.AdditiveTables
    sequences: sequences.SequenceTables
    tokens: np.ndarray


@pytest.fixture(autouse=True)
def counted_weights_are_weights(monkeypatch):
    """The network's kind is checked by the type of its arrays, which counting changes."""
    monkeypatch.setattr(
        "probbound.models.attention_only.forward_error.require_transformer", lambda _: None
    )


@pytest.fixture(params=SIZES)
def setting(request):
    model = random_model(0, biases=True, **SIZES[request.param])
    tokens = np.random.default_rng(1).integers(0, model.d_vocab, (LOOKS, model.n_ctx))
    with counting():
        counted_model = in_float64(model)
        tables = additive.additive_tables(model)
        looked_up = sequences.SequenceTables.of(model)
    return Setting(counted_model, tables, looked_up, counted(tokens))


def agrees(run, formula, *, below=0.0, above=0.0):
    with counting() as count:
        run()
    low, high = count.floats * (1 - below), (count.floats + count.integers) * (1 + above)
    assert low <= formula <= high, (count.floats, count.integers, formula)


def rows_rounded(model):
    """A root, a step outward and a comparison for each row that `ForwardError` takes a norm of."""
    return 3 * (model.d_vocab + model.n_ctx + model.d_vocab_out)


def test_tables(setting):
    m = setting.model
    rest = rows_rounded(m)
    agrees(lambda: additive.circuits(m), additive.circuit_flops(m))
    agrees(lambda: ForwardError.of(m), forward_error_flops(m) + rest)
    agrees(lambda: additive.additive_tables(m), additive.table_flops(m) + rest)
    flops = sequences.sequence_table_flops(m) + rest
    agrees(lambda: sequences.SequenceTables.of(m), flops)


def test_terms_and_listing(setting):
    m, tables = setting.model, setting.tables

    def terms():
        for head in range(m.n_heads):
            for query in range(m.d_vocab):
                additive.label_terms(tables, head, query)

    agrees(terms, additive.label_term_flops(m))
    flops = additive.label_term_flops(m) + listing.listing_flops(m)
    agrees(lambda: listing.list_residue(tables), flops, below=0.02)


def test_counting_on_a_grid(setting, monkeypatch):
    """Were no label certified outright: 2.5 N log N for each transform of length N.

    SciPy's transforms are no ufuncs, and are counted beside.
    """
    m, tables, points, transforms = setting.model, setting.tables, 30, []
    length = knapsack.convolution_length(points + 1)

    def counted_transform(run):
        def transform(values, n, **options):
            transforms.append(np.size(values) // values.shape[-1])
            return run(values, n, **options)

        return transform

    for name in ("rfft", "irfft"):
        monkeypatch.setattr(scipy.fft, name, counted_transform(getattr(scipy.fft, name)))
    with counting() as count:
        grid.count_on_grid(tables, points)
    seen = sum(transforms) * 2.5 * length * np.log2(length) + count.floats
    booked = additive.label_term_flops(m) + grid.grid_flops(m, points)
    assert 0.5 * booked <= seen <= booked


@pytest.mark.parametrize("name", ["cubic", "grid", "sub-cubic"])
def test_draws_from_what_is_left_cost_at_most_their_price(setting, name):
    if name == "sub-cubic" and setting.model.n_heads > 1:
        pytest.skip("for one head")
    with counting():
        residue = {
            "cubic": lambda: listing.list_residue(setting.tables),
            "grid": lambda: grid.count_on_grid(setting.tables, 30),
            "sub-cubic": lambda: LadderScreen(name).enumerate(setting.model, CostMeter()),
        }[name]()
    ranks = np.arange(0, residue.tickets, max(1, residue.tickets // LOOKS))
    with counting() as count:
        residue.members(ranks, Stream.from_seed(0), 0)
    assert count.floats <= residue.draw_flops(len(ranks))


def test_copying_tables(setting):
    """The cubic table has a price that draws depend on: it leaves out what is not cubic."""
    m, tables = setting.model, setting.sequences
    quadratic = sequences.copying_table_flops(m, cubic=False)
    agrees(lambda: sequences.CopyingCheck.quadratic(tables), quadratic, below=0.06)
    cubic = sequences.copying_table_flops(m, cubic=True)
    agrees(lambda: sequences.CopyingCheck.cubic(tables), cubic, below=0.12)


@pytest.mark.parametrize("name", ["quadratic", "cubic", "additive", "forward", "brackets"])
def test_looks(setting, name):
    tables = setting.sequences
    if name == "brackets" and setting.model.n_heads > 1:
        pytest.skip("for one head")
    check = {
        "quadratic": sequences.CopyingCheck.quadratic,
        "cubic": sequences.CopyingCheck.cubic,
        "additive": sequences.AdditiveCheck,
        "forward": sequences.TableForwardCheck,
        "brackets": bracket_check.BracketCheck.of,
    }[name]
    with counting():
        made = check(tables)
    agrees(lambda: made.uncertified(setting.tokens), LOOKS * made.flops)


def test_losses(setting):
    m, check = setting.model, sequences.TableForwardCheck(setting.sequences)
    agrees(lambda: check.losses(setting.tokens), LOOKS * check.loss_flops)
    law = Prior.uniform(m.d_vocab)
    agrees(lambda: losses.largest_loss(m, law), losses.largest_loss_flops(m), below=0.02)


def test_halves(setting):
    m, tables = setting.model, setting.tables
    law = Prior.uniform(m.d_vocab)

    def halves():
        for query in range(m.d_vocab):
            brute_force._halves(tables, law, query)

    agrees(halves, brute_force.halves_flops(m))


def test_brute_force_has_the_price_of_its_jaxpr(setting):
    """For one head numerators are compared, for several each is divided by its normaliser.

    The label of a loss only says where its logit lies.
    """
    m, task = setting.model, MaxOfK(setting.model.d_vocab, setting.model.n_ctx)
    h, out = m.n_heads, m.d_vocab_out
    once = additive.table_flops(m) + brute_force.halves_flops(m)
    each = 5 * out + 5 if h == 1 else 3 * (h + 1) * out + 2 * h + 3
    assert brute_force.brute_force_flops(m, task) == once + task.size * each
    logits = 4 * out + 2 if h == 1 else (3 * h + 2) * out + 2 * h
    loss = logits + (6 * out + 7) + 3
    assert brute_force.brute_force_flops(m, task, loss=True) == once + task.size * loss


def test_brackets_and_scores_of_positions(setting):
    m = setting.model
    if m.n_heads > 1:
        pytest.skip("for one head")
    made = bracket_check.bracket_check_flops(m)
    agrees(lambda: bracket_check.BracketCheck.of(setting.sequences), made, above=0.02)
    agrees(lambda: paths.position_scores(m), paths.position_score_flops(m))


@pytest.mark.parametrize("sizes", [(24, 8, 4, 8, 24), (30, 12, 20)])
@pytest.mark.parametrize("rank", [1, 3])
def test_splits(sizes, rank):
    rng = np.random.default_rng(0)
    chain = [counted(rng.standard_normal(shape)) for shape in itertools.pairwise(sizes)]
    agrees(lambda: split.split(chain, rank), split.split_flops(chain, rank))
    left, right = chain[0][:, :rank], chain[-1].T[:, :rank]
    peeled = [Peeled(f, f, f[:, :rank], f, f) for f in chain]
    flops = error_flops([f.shape for f in chain], rank)
    agrees(lambda: structure_error(peeled, left, right), flops)


OF_JAX = "draws"
BEFORE_ITS_PHASE = ("QK multiplied out", "direct multiplied out")
STRATEGIES = [
    "cubic",
    "sub-cubic",
    "low-rank-qk",
    "low-rank-qk:svd",
    "low-rank-qk:recursive",
    "low-rank-eu:second-moments",
    "quadratic-qk-eu",
    "low-rank-qk:sketch",
    "cascade",
    "entries",
    "entries:counted",
    "entries:exact",
    "entries:second-moments",
    "entries:frobenius",
]


@pytest.mark.parametrize("name", STRATEGIES)
def test_phases(name, monkeypatch):
    """Each phase to a twentieth at these small sizes, and all that a deterministic one books.

    The factors of a path are formed before its phase starts, and forward passes are JAX's.
    """
    monkeypatch.setattr(
        "probbound.models.answering.answered_wrong",
        lambda *a: np.zeros(len(a[2]), dtype=bool),
    )
    model = random_model(0, biases=True, **SIZES["one head"])
    question = Question(model, MaxOfK(model.d_vocab, model.n_ctx), 3000, 0.05, 3)
    with counting() as count:
        meter = CountingMeter()
        strategy = strategy_named(name)
        strategy.answer(question, meter)
    for phase, (flops, numbers, counts) in meter.seen.items():
        if phase not in (OF_JAX, *BEFORE_ITS_PHASE):
            assert 0.95 * numbers <= flops <= 1.02 * (numbers + counts), phase
    if strategy.deterministic:
        assert 0.97 * count.floats <= meter.total().flops <= count.floats + count.integers
