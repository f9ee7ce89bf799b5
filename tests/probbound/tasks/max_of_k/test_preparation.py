"""Sharing what depends on the weights alone changes costs and nothing else."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.contract.ledger import NOTHING_SPENT
from probbound.contract.residue import listed_by
from probbound.draws.priors import Prior
from probbound.models.attention_only.additive import circuits
from probbound.models.attention_only.transformer import in_float64
from probbound.tasks.max_of_k.methods.cascade import cascade, checks_within
from probbound.tasks.max_of_k.methods.ladder import ladder_screens
from probbound.tasks.max_of_k.methods.sampling import hybrid
from probbound.tasks.max_of_k.preparation import certain_residue, checks, residue, split, tables
from probbound.tasks.max_of_k.question import Question
from probbound.tasks.max_of_k.screens.bracket_check import BracketCheck
from probbound.tasks.max_of_k.screens.gap_residue import GapResidue
from probbound.tasks.max_of_k.screens.ladder import LadderScreen
from probbound.tasks.max_of_k.screens.sequences import AdditiveCheck, SequenceTables
from probbound.tasks.max_of_k.strategies import SCREENS, strategy_named
from probbound.tasks.max_of_k.task import task_for
from tests.factories import all_sequences, copying_model, random_model, trained_model

MODELS = [trained_model(0), copying_model(0), random_model(4, biases=True, d_vocab_out=8)]


def question(model, **options):
    return Question(model, task_for(model), 40, 0.01, 3, **options)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("name", ["sub-cubic", "sub-cubic:no-mean-diff", "low-rank-qk"])
def test_products_save_operations_and_change_nothing(model, name):
    products = circuits(in_float64(model))
    screen, without, beside = ladder_screens()[name](question(model)), CostMeter(), CostMeter()
    alone = screen.enumerate(model, without)
    shared = screen.enumerate(model, beside, products)
    np.testing.assert_array_equal(alone.left, shared.left)
    assert alone.size == shared.size
    assert beside.total().flops < without.total().flops


@pytest.mark.parametrize("strategy", ["iid:tables", "cascade", "cascade:sub-cubic", "hybrid:cubic"])
def test_what_is_prepared_is_not_booked_again_and_gives_the_same(strategy):
    asked = question(MODELS[0])
    first, second = CostMeter(), CostMeter()
    made = checks_within(asked, first)
    for name in ("cubic", "sub-cubic"):
        certain_residue(SCREENS[name](asked), asked, first)
    plain = strategy_named(strategy).run(question(MODELS[0]), CostMeter())
    found = strategy_named(strategy).run(replace(asked, delta=0.01), second)
    assert found == plain
    assert {phase.part for phase in second.phases} == {"sampling"}
    assert checks(asked, second, cubic=False) is made


def test_what_is_prepared_is_booked_by_whoever_adds_it():
    asked, first, second = question(MODELS[0]), CostMeter(), CostMeter()
    made = tables(asked, first), checks(asked, first, cubic=True), split(asked, first)
    assert [phase.name for phase in first.phases] == ["tables", "copying check", "structure"]
    assert made == (
        tables(asked, second),
        checks(asked, second, cubic=True),
        split(asked, second),
    )
    assert not second.phases


def test_a_screen_that_spends_delta_is_not_prepared():
    asked = question(MODELS[0])
    screen = SCREENS["low-rank-qk:sketch"](asked)
    with pytest.raises(ValueError, match="rests on randomness"):
        certain_residue(screen, asked, CostMeter())


def test_the_coins_of_a_screen_are_those_of_whoever_asks():
    """What a plan tosses is not what certifies, though both ask the same memo."""
    asked = question(MODELS[0])
    tossed, meter = replace(asked, seed=4), CostMeter()
    build = SCREENS["low-rank-qk:sketch"]
    planned = residue(build(tossed), asked, meter)
    before = meter.total().flops
    certifying = residue(build(asked), asked, meter)
    assert meter.total().flops == 2 * before
    assert certifying is not planned


def test_another_claim_or_prior_is_answered_anew_and_another_model_not_at_all():
    asked, meter = question(MODELS[0]), CostMeter()
    margin = replace(asked, claim=Claim("margin", 50.0))
    law = Prior((3, *[1] * (asked.model.d_vocab - 1)))
    weighted = replace(asked, task=task_for(asked.model, law))
    for ask in (lambda one: tables(one, meter).exact.tables.margin, _tickets):
        assert ask(asked) != ask(margin)
    assert _tickets(asked) != _tickets(weighted)
    with pytest.raises(ValueError, match="a memo is of one subject"):
        replace(asked, model=MODELS[1], task=task_for(MODELS[1]))


def _tickets(asked):
    return certain_residue(SCREENS["cubic"](asked), asked, CostMeter()).tickets


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_bracket_check_lies_between_the_screens(model):
    """It certifies what `sub-cubic` certifies; the additive check certifies what it certifies."""
    tables = SequenceTables.of(model)
    tokens = all_sequences(model.d_vocab, model.n_ctx)
    left = BracketCheck.of(tables).uncertified(tokens)
    assert not (AdditiveCheck(tables).uncertified(tokens) & ~left).any()
    screen = SCREENS["sub-cubic"](question(model))
    residue = screen.enumerate(model, CostMeter())
    members = residue.members(np.arange(residue.tickets), question(model).stream, 0).members
    kept = {tuple(row) for row in members.tolist()}
    assert {tuple(row) for row in tokens[left].tolist()} <= kept


class Units(GapResidue):
    """Tickets that stand for two sequences each."""

    @property
    def size(self):
        return Fraction(2 * self.tickets)


class UnitScreen:
    name = "units"
    ledger = NOTHING_SPENT

    def enumerate(self, model, meter, products=None):
        found = LadderScreen("sub-cubic").enumerate(model, meter, products)
        return Units(found.classes, found.left, found.counts)

    def price(self, model):
        return LadderScreen("sub-cubic").price(model)

    def of_one(self, tables):
        return None


@pytest.mark.parametrize("strategy", [hybrid, cascade])
def test_tickets_of_several_sequences_are_never_taken_for_a_list(strategy):
    """A ticket of two shows one of them: looking at every ticket does not see every sequence."""
    model = MODELS[0]
    residue = UnitScreen().enumerate(model, CostMeter())
    assert not listed_by(residue, 10**9)
    asked = replace(question(model), budget=10**4, draws=10**4 if strategy is cascade else None)
    outcome = strategy(UnitScreen(), asked, CostMeter())
    assert outcome.ledger.spends
