"""Questions of induction to small networks, and what is true of them."""

import numpy as np

from probbound.contract.claims import Claim
from probbound.contract.cost import CostMeter
from probbound.tasks.given import Given
from probbound.tasks.induction.room import TASK
from probbound.tasks.induction.task import Induction, Repeats
from tests.probbound.models.transformer.attention_alone.networks import inducing_network
from tests.probbound.models.transformer.attention_alone.reference import leads

DELTA = 1e-3
RIGHT = inducing_network(v=4, n=5, whole=True)
SOME_WRONG = inducing_network(1, v=4, n=5, sharp=20.0, noise=0.1, whole=True)
HALF_BROKEN = inducing_network(1, v=4, n=5, sharp=20.0, noise=0.3)
NETWORKS = {"right": RIGHT, "some wrong": SOME_WRONG, "half broken": HALF_BROKEN}


def question(
    model,
    strategy,
    *,
    repeats: Repeats = "once",
    budget=100,
    delta=DELTA,
    margin=None,
    revealed=None,
    **given,
):
    """As the room asks it; what is no setting of the strategy is a setting here."""
    task = Induction(model.d_vocab, model.n_ctx, repeats)
    claim = Claim() if margin is None else Claim("margin", margin)
    claim = claim if revealed is None else Claim("universal", float(revealed))
    asked = {"seed": 1, "stopped_at": None, **given}
    seed, stopped = asked.pop("seed"), asked.pop("stopped_at")
    return TASK.asked(
        *(model, task, claim, strategy),
        Given(budget, delta, seed, stopped, asked),
    )


def answered(model, strategy, **given):
    """The strategy that ran, its outcome and its costs."""
    asked, meter = question(model, strategy, **given), CostMeter()
    name, run = TASK.decided(asked, strategy, False, meter)
    return name, TASK.answer(name, run, meter), meter.total()


def wrong(model, repeats: Repeats = "once", margin=0.0):
    """The share of sequences that are answered wrongly."""
    task = Induction(model.d_vocab, model.n_ctx, repeats)
    tokens = task.population.members(np.arange(task.size))
    return (~leads(model, tokens, task.labels(tokens), margin)).mean()
