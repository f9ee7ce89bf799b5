"""The checker's own additive screen under priors: as it makes certificates, and against truth."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binom

import probbound
from probbound.check import fresh_samples
from probbound.check.judge import judge
from probbound.check.models.attention_only.network import Network
from probbound.check.models.attention_only.slack import slack_of
from probbound.check.prior import Law
from probbound.check.report import Refused
from probbound.check.stream import Stream as PlainStream
from probbound.check.tasks.max_of_k import knapsack as checker_knapsack
from probbound.check.tasks.max_of_k import listing as checker_listing
from probbound.check.tasks.max_of_k.grid import Gridded
from probbound.check.tasks.max_of_k.knapsack import Knapsacks
from probbound.check.tasks.max_of_k.listing import Listed
from probbound.check.tasks.max_of_k.replay import share_of
from probbound.contract.claims import Claim
from probbound.contract.residue import draw
from probbound.draws.priors import Prior
from probbound.draws.random_streams import Stream
from probbound.models.attention_only.additive import additive_tables
from probbound.tasks.max_of_k.methods import cascade as cascade_module
from probbound.tasks.max_of_k.screens import knapsack as maker_knapsack
from probbound.tasks.max_of_k.screens import listing as listing_module
from probbound.tasks.max_of_k.screens.grid import count_on_grid
from probbound.tasks.max_of_k.screens.listing import list_residue
from probbound.tasks.max_of_k.task import task_for
from tests.factories import (
    all_sequences,
    checked,
    copying_model,
    random_model,
    slow_wrong,
    weights_of,
)
from tests.forgeries import ALTERED, altered, resealed

UNEVEN = Prior((1, 0, 3, 4, 5, 6))
AGAIN = "screens and samples were computed again, with the same counts"
LAWS = {
    "uniform": (1, 1, 1, 1, 1),
    "zeros": (2, 0, 3, 0, 1),
    "as many as tokens": (2, 0, 1, 2, 0),
    "large": (2**31, 1, 0, 2**30 + 7, 5),
    "one token": (0, 0, 1, 0, 0),
}
MODELS = {
    "copying": lambda: copying_model(1, d_vocab=5, n_ctx=3),
    "one position": lambda: random_model(2, n_ctx=1, biases=True),
    "four positions": lambda: copying_model(3, d_vocab=5, n_ctx=4),
    "two heads": lambda: random_model(5, n_heads=2, biases=True, spread=0.9),
}


@pytest.fixture(autouse=True)
def _small_pilots(monkeypatch):
    monkeypatch.setattr(cascade_module, "PILOT_DRAWS", 64)
    monkeypatch.setattr("probbound.check.tasks.max_of_k.replay._PILOT", 64)


def certify(model, strategy, prior=UNEVEN, **options):
    return probbound.certify(model, task_for(model, prior), strategy=strategy, **options)


def network_of(model, margin=0.0):
    weights = weights_of(model)
    return Network(weights, slack_of(weights, margin), margin)


def both(model, prior, margin=0.0, points=(None, 1, 40)):
    """What the checker leaves, and what the maker does: listed, and on grids."""
    network, law = network_of(model, margin), Law(prior.array)
    tables = additive_tables(model, margin)
    for number in points:
        if number is None:
            yield Listed(network, law), list_residue(tables, prior)
        else:
            yield Gridded(network, law, number), count_on_grid(tables, number, prior)


def assert_same(mine, theirs, count=200):
    """The same tickets, the same size, and from the same seed the same draws."""
    assert (mine.tickets, mine.size) == (theirs.tickets, theirs.size)
    if mine.tickets:
        tokens, blank = mine.draw(PlainStream.of_seed(5).named("a"), 3, count)
        wanted = draw(theirs, Stream.from_seed(5).fold_in("a"), 3, count)
        np.testing.assert_array_equal(blank, wanted.blank)
        np.testing.assert_array_equal(tokens[~blank], wanted.members[~blank])


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", MODELS)
def test_counts_and_draws_are_the_same(name, law):
    for margin in (0.0, 0.3):
        for mine, theirs in both(MODELS[name](), Prior(LAWS[law]), margin):
            assert_same(mine, theirs)


@pytest.mark.parametrize("law", ["uniform", "zeros", "as many as tokens", "one token"])
@pytest.mark.parametrize("name", MODELS)
def test_all_tickets_in_a_row_are_the_same(name, law):
    for mine, theirs in both(MODELS[name](), Prior(LAWS[law])):
        if not mine.tickets:
            continue
        tokens, blank = map(np.concatenate, zip(*mine.everything(), strict=True))
        wanted = theirs.members(np.arange(theirs.tickets), Stream.from_seed(0), 0)
        np.testing.assert_array_equal(blank, wanted.blank)
        np.testing.assert_array_equal(tokens[~blank], wanted.members[~blank])


def test_units_of_much_mass_are_drawn_the_same():
    """Where 62 bits do not number the mass: one word and two number it within a unit."""
    model = copying_model(3, d_vocab=5, n_ctx=4)
    for weights in ((2**19, 1, 3, 2**18, 5), (2**31, 1, 2**29, 2**30 + 7, 5)):
        (mine, theirs), (gridded, reference) = both(model, Prior(weights), points=(None, 40))
        assert isinstance(mine, Listed)
        assert (mine.bits > 64) == (weights[0] == 2**31)
        assert mine.bits > 0
        assert not mine.one_each
        assert not gridded.one_each
        assert_same(mine, theirs)
        assert_same(gridded, reference)


def test_blanks_of_large_units_are_the_same(monkeypatch):
    """Units so large that rounding up leaves many blank, listed and on a grid."""
    for module, name in ((listing_module, "_TICKET_BITS"), (checker_listing, "_BITS")):
        monkeypatch.setattr(module, name, 6)
    monkeypatch.setattr(maker_knapsack, "MANTISSA_BITS", 11)
    monkeypatch.setattr(checker_knapsack, "_BITS", 11)
    model = copying_model(2, d_vocab=5, n_ctx=4)
    for weights in ((3, 0, 1, 2, 5), (3, 1, 1, 0, 0), (1, 1, 1, 1, 1)):
        for mine, theirs in both(model, Prior(weights), points=(None, 50)):
            assert not mine.one_each
            assert_same(mine, theirs, 500)
            assert mine.draw(PlainStream.of_seed(1), 0, 500)[1].any()


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", MODELS)
def test_no_share_is_below_the_mass_that_is_left_or_wrong(name, law):
    """Against exact sums over every sequence, in fractions."""
    model, prior = MODELS[name](), Prior(LAWS[law])
    network, weights = network_of(model), LAWS[law]
    left = wrong = 0
    for row in all_sequences(model.d_vocab, model.n_ctx).tolist():
        query, label = row[-1], max(row)
        mass = math.prod(weights[token] for token in row)
        terms = (network.terms(head, query)[:, :, label - query] for head in range(network.heads))
        sums = [math.fsum(found[range(len(row)), row]) for found in terms]
        left += mass * (not all(total < 0 for total in sums))
    for row in slow_wrong(model):
        wrong += math.prod(weights[token] for token in row)
    whole = prior.total**model.n_ctx
    assert wrong <= left
    for mine, _ in both(model, prior):
        share = share_of(mine, network, Law(prior.array))
        assert Fraction(share) >= Fraction(left, whole)
        if isinstance(mine, Listed) and mine.one_each:
            assert mine.tickets == left


def test_masses_are_exact():
    rng = np.random.default_rng(0)
    for weights in LAWS.values():
        tokens = rng.integers(0, 5, (50, 9))
        exact = [math.prod(weights[token] for token in row) for row in tokens.tolist()]
        assert Law(np.array(weights)).masses(tokens).tolist() == exact


@pytest.mark.parametrize("delta", [1e-6, 0.3])
@pytest.mark.parametrize("budget", [0, 9, 10**5])
@pytest.mark.parametrize("strategy", ["cubic", "hybrid", "hybrid:cubic", "cascade:cubic"])
def test_what_was_made_holds_in_full(strategy, budget, delta):
    for name, law in (("copying", "zeros"), ("two heads", "as many as tokens")):
        model = MODELS[name]()
        for points in (None, 11):
            options = {"budget": budget, "delta": delta, "grid_points": points}
            made = certify(model, strategy, Prior(LAWS[law]), **options)
            report = checked(made, model)
            assert report.confirmed[-1] == AGAIN, (name, points, report.refused)


@pytest.mark.parametrize("strategy", ["cubic", "hybrid", "cascade:cubic"])
@pytest.mark.parametrize("law", ["large", "one token"])
def test_priors_of_any_kind_hold_in_full(law, strategy):
    for claim in (Claim("accuracy"), Claim("margin", 0.25)):
        model = MODELS["four positions"]()
        made = certify(model, strategy, Prior(LAWS[law]), budget=40, delta=0.1, claim=claim)
        report = checked(made, model)
        assert report.confirmed[-1] == AGAIN, report.refused


STOPS = [{"target": 0.9}, {"draws": 50}, {"stopped_at": 0}, {"stopped_at": 40}]


@pytest.mark.parametrize("options", STOPS)
@pytest.mark.parametrize("points", [None, 15])
@pytest.mark.parametrize("budget", [30, 10**5])
def test_cascades_that_stop_hold_in_full(budget, points, options):
    model = random_model(3, d_vocab=6)
    made = certify(model, "cascade:cubic", budget=budget, grid_points=points, delta=0.1, **options)
    assert checked(made, model).confirmed[-1] == AGAIN


@pytest.mark.parametrize("points", [None, 20])
@pytest.mark.parametrize("part", ALTERED)
@pytest.mark.parametrize("kind", ["hybrid", "cascade"])
def test_what_claims_more_is_refused(kind, part, points):
    model = copying_model(3)
    made = certify(model, f"{kind}:cubic", budget=40, delta=0.1, grid_points=points)
    predicate = made.to_json()
    assert predicate["sampling"]["failures"] > 0
    assert judge(resealed(predicate), weights_of(model)).holds
    assert not judge(resealed(altered(predicate, *ALTERED[part])), weights_of(model)).holds


@pytest.mark.parametrize("strategy", ["cubic", "hybrid", "cascade:cubic"])
def test_a_share_that_fits_everything_else_is_counted_again(strategy, monkeypatch):
    """Levels, bound, mass and ledger agree, but the screen certified too much."""
    model = copying_model(3)
    monkeypatch.setattr(listing_module, "certainly_negative", lambda total: total < 0.5)
    made = certify(model, strategy, budget=40, delta=0.1)
    assert "its screens leave a share of" in checked(made, model).refused[0]


def test_a_prior_under_which_less_fails_is_refused():
    """The weights of the tokens are counted, not taken from the certificate's shares."""
    model = copying_model(3)
    predicate = certify(model, "cubic").to_json()
    kind = certify(model, "cubic", Prior((6, 0, 3, 4, 5, 1))).to_json()
    assert kind["failure_upper"] != predicate["failure_upper"]
    worse, better = sorted((predicate, kind), key=lambda found: found["bound"])
    forged = {**better, "claim": worse["claim"], "seed": worse["seed"]}
    assert "its screens leave a share of" in judge(resealed(forged), weights_of(model)).refused[0]


def test_fresh_samples_come_from_what_the_screen_left():
    model, alarms = copying_model(3), 0
    weights = weights_of(model)
    for points in (None, 20):
        made = certify(model, "hybrid", budget=100, delta=1e-3, grid_points=points)
        predicate, share = made.to_json(), made.levels[0].share_upper
        assert share < 1
        for seed in range(10):
            found = fresh_samples(predicate, weights, seed)
            alarms += not found.agrees
            wanted = found.draws * predicate["failure_upper"] / share
            assert found.expected_at_most == pytest.approx(wanted, rel=1e-9)
        predicate["failure_upper"] = 0.5 * certify(model, "brute-force").failure_upper
        assert not fresh_samples(predicate, weights, 0).agrees
    assert alarms <= binom.isf(1e-6, 20, 1e-6)


def test_bad_luck_within_delta_is_no_fault_of_the_arithmetic():
    model = copying_model(3)
    truth = certify(model, "brute-force").failure_upper
    made = (certify(model, "hybrid", budget=20, delta=0.7, seed=s) for s in range(50))
    unlucky = next(found for found in made if found.failure_upper < truth)
    assert checked(unlucky, model).holds


def test_what_does_not_fit_into_whole_numbers_is_refused():
    law = Law(np.array([2**31, 2**31 - 1]))
    with pytest.raises(Refused, match="grid points are too many for weights that add up to"):
        Gridded(network_of(random_model(1, d_vocab=2)), law, 1 << 20)
    with pytest.raises(Refused, match="do not fit into 62 bits"):
        Knapsacks(law, 40, 1 << 24, 20)


def test_too_many_tickets_to_look_at_are_refused(monkeypatch):
    model = copying_model(3)
    made = certify(model, "hybrid", budget=10**5)
    assert made.guarantee == "deterministic"
    monkeypatch.setattr("probbound.check.tasks.max_of_k.replay.MOST_DRAWS", 100)
    assert "tickets are more than are independently re-checked" in checked(made, model).refused[0]


@pytest.mark.parametrize("strategy", ["hybrid", "cascade:cubic"])
def test_units_of_several_are_never_taken_to_have_been_looked_at(strategy, monkeypatch):
    model = copying_model(3)
    made = certify(model, strategy, budget=10**5)
    assert made.guarantee == "deterministic"
    monkeypatch.setattr(checker_listing, "_BITS", 6)
    assert "not numbered one by one" in checked(made, model).refused[0]
