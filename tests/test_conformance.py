"""What every task has to keep to, whichever it is: a new one is held to it by its name alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import probbound
from probbound.certificates.format import SEAL, sealed
from probbound.check.document import FORMAT
from probbound.check.judge import judge
from probbound.check.models.contract import Weights
from probbound.check.tasks.registry import replay_of
from probbound.contract.cost import CostMeter
from probbound.draws.random_streams import Stream
from probbound.models.pair_mlp.network import in_float64
from probbound.models.registry import room_of as network_of
from probbound.tasks.given import Given
from probbound.tasks.registry import room_named, strategy_names, task_for, task_names
from tests.factories import (
    all_sequences,
    copying_model,
    slow_logits,
    through_json,
    weights_of,
)
from tests.probbound.check.pair_weights import weights_read
from tests.probbound.check.tasks.induction import networks as inducing
from tests.probbound.models.pair_mlp.networks import exact_logits, random_network
from tests.probbound.tasks.next_token import rows


@dataclass(frozen=True)
class Instance:
    """A tiny network, the task it is asked about, its logits from the definition, and its
    weights as the checker reads them.

    Of inputs that are brought: the task that is about them, and their files in a folder. `some`
    says that only some sequences of tokens are inputs, which the task lists.
    """

    model: Callable[[], Any]
    task: str
    logits: Callable[[Any, tuple[int, ...]], Any]
    weights: Callable[[Any], Weights]
    brought: Callable[[], Any] | None = None
    saved: Callable[[Path], Mapping[str, Path]] = lambda folder: {}
    some: bool = False

    def inputs(self) -> Any:
        """The task itself."""
        return self.brought() if self.brought else task_for(self.model(), task=self.task)

    def population(self) -> np.ndarray:
        """Every input: each sequence of tokens, or what is brought."""
        if self.brought:
            return np.array(self.brought().tokens)
        if self.some:
            inputs = self.inputs()
            return inputs.population.members(np.arange(inputs.size))
        sizes = network_of(self.model()).sizes(self.model())
        return all_sequences(sizes.tokens, sizes.length)


def pair_logits(model: Any, pair: tuple[int, ...]) -> np.ndarray:
    return np.array([float(x) for x in exact_logits(in_float64(model), *pair)])


def pair_network() -> Any:
    """Right on some pairs of Z_5 and wrong on others."""
    return random_network("biased", 4, 5, np.float64)


INSTANCES = {
    "max-of-k": Instance(lambda: copying_model(1), "max-of-k", slow_logits, weights_of),
    "modular-addition": Instance(pair_network, "modular-addition", pair_logits, weights_read),
    "group-product": Instance(pair_network, "group-product:c5", pair_logits, weights_read),
    "next-token": Instance(
        *(rows.model, "next-token", rows.logits, rows.weights),
        brought=rows.task,
        saved=rows.saved,
    ),
    "induction": Instance(
        *(inducing.noisy, "induction", inducing.logits, inducing.weights_read), some=True
    ),
}
BUDGET, DELTA = 40, 1e-6
QUESTIONS = [(task, name) for task in task_names() for name in strategy_names(task)]


def truth(task: str, model: Any) -> float:
    """The share of inputs that are answered wrongly, from the definition, one at a time."""
    inputs, everything = INSTANCES[task].inputs(), INSTANCES[task].population()
    assert len(everything) == inputs.size
    labels, wrong = inputs.labels(everything), 0
    for tokens, label in zip(everything, labels, strict=True):
        logits = INSTANCES[task].logits(model, tuple(tokens))
        rivals = np.delete(logits, label)
        wrong += not (rivals < logits[label]).all()
    return wrong / inputs.size


@pytest.fixture(scope="module")
def certified():
    """The certificate of every strategy of every task on its tiny instance."""
    made = {}
    for task, name in QUESTIONS:
        model = INSTANCES[task].model()
        asked = {"budget": BUDGET, "delta": DELTA} if room_named(task).uses(name).chance else {}
        made[task, name] = (
            model,
            probbound.certify(model, INSTANCES[task].inputs(), strategy=name, **asked),
        )
    return made


def test_every_task_has_an_instance_and_both_sides():
    assert set(INSTANCES) == set(task_names())
    for task in task_names():
        assert room_named(task).name == task
        assert replay_of(task).misasked


@pytest.mark.parametrize(("task", "name"), QUESTIONS)
def test_no_bound_is_below_the_truth(certified, task, name):
    model, made = certified[task, name]
    assert made.failure_upper >= truth(task, model) - 1e-12
    assert made.delta == 0 or room_named(task).uses(name).chance


@pytest.mark.parametrize(("task", "name"), QUESTIONS)
def test_the_checker_accepts_what_is_claimed_and_nothing_stronger(certified, task, name, tmp_path):
    model, made = certified[task, name]
    weights, files = INSTANCES[task].weights(model), INSTANCES[task].saved(tmp_path)
    report = judge(through_json(made), weights, files=files)
    assert report.holds, report
    fields = {key: value for key, value in made.to_json().items() if key not in ("hex", SEAL)}
    stronger = 0.9 * made.failure_upper
    if stronger > 0:
        forged = sealed({**fields, "failure_upper": stronger, "bound": 1 - stronger})
        assert forged["format"] == FORMAT
        assert not judge(forged, weights, files=files).holds


@pytest.mark.parametrize(("task", "name"), QUESTIONS)
def test_settings_that_a_strategy_has_no_use_for_are_refused(task, name):
    room, model = room_named(task), INSTANCES[task].model()
    values = {"grid_points": 9, "target": 0.5, "draws": 5, "budget_flops": 1e6, "paths": "joint"}
    for setting in values.keys() - room.uses(name).settings:
        with pytest.raises(probbound.UserError):
            probbound.certify(
                *(model, INSTANCES[task].inputs()),
                strategy=name,
                **{setting: values[setting]},
            )


@pytest.mark.parametrize("task", task_names())
def test_draws_are_those_of_the_law_whatever_the_chunk(task):
    """A chi-square statistic beyond its 1e-9 quantile would be a false alarm once in 1e9 runs."""
    inputs = INSTANCES[task].inputs()
    stream, draws = Stream.from_seed(3), 200_000
    whole = inputs.sample(stream, 0, draws)
    parts = [inputs.sample(stream, start, start + 50_000) for start in range(0, draws, 50_000)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    counts = np.unique(whole, axis=0, return_counts=True)[1]
    expected = draws / inputs.size
    never = (inputs.size - len(counts)) * expected
    statistic = ((counts - expected) ** 2 / expected).sum() + never
    freedom = inputs.size - 1
    assert abs(statistic - freedom) < 7 * np.sqrt(2 * freedom)


@pytest.mark.parametrize("task", task_names())
def test_a_plan_knows_the_operations_it_is_made_of(task):
    room, model = room_named(task), INSTANCES[task].model()
    asked = room.asked(
        *(model, INSTANCES[task].inputs(), probbound.Claim(), "auto"),
        Given(BUDGET, DELTA, 1, settings={"budget_flops": 1e6}),
    )
    meter = CostMeter()
    name, run = room.decided(asked, "auto", False, meter)
    outcome = room.answer(name, run, meter)
    assert outcome.failure_upper >= truth(task, model) - 1e-12
    assert all(phase.flops >= 0 for phase in meter.total().phases)
    assert meter.total().flops <= 1.1e6
