"""The noise that `entries` draws from, as rooms of tasks say it."""

from __future__ import annotations

from typing import Any

from probbound.tasks.max_of_k.planted_max import planted_max_of_k
from probbound.tasks.modular_addition.planted_sum import planted_sum
from probbound.tasks.modular_addition.task import ModularAddition
from probbound.tasks.pairs.folding import folded
from probbound.tasks.pairs.screens.gate_entries import GateEntries
from probbound.tasks.pairs.screens.gate_losses import LOSSES
from probbound.tasks.pairs.screens.gates import GatesScreen
from probbound.tasks.registry import room_named
from probbound.tasks.room import NoiseSize


def noise_size(task: str, model: Any) -> NoiseSize:
    """What the room of a task says of a network."""
    found = room_named(task).noise_size
    assert found is not None
    return found(model)


def test_of_a_transformer_it_is_that_of_its_three_paths():
    size = noise_size("max-of-k", planted_max_of_k(16, 3, 8))
    assert (size.entries, size.flops) == (3 * 16**2, 3 * 16**2 * 2 * 8)


def test_of_a_pair_network_it_is_what_is_drawn_from_and_what_exact_multiplies_out():
    model = planted_sum(23, waves=3, neurons=16, beside=2)
    screen = GatesScreen.of(folded(model, ModularAddition(23).labelling), 8, 8)
    size = noise_size("modular-addition", model)
    assert size.entries == GateEntries.of(screen, 100, 0.1).weights.size
    assert size.flops == LOSSES["exact"](screen).flops


def test_a_task_without_sampled_noise_has_none():
    assert room_named("group-product").noise_size is None
