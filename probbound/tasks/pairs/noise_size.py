"""How large the noise of a pair network is that `entries` draws from."""

from __future__ import annotations

from probbound.models.pair_mlp.network import PairMLP
from probbound.tasks.pairs.screens.gate_losses import exact_flops
from probbound.tasks.room import NoiseSize


def noise_size(model: PairMLP) -> NoiseSize:
    """An entry for each neuron and value of each operand; multiplied out, each gate of each pair.

    Theorems 8.11 and 8.15.
    """
    p, gated = model.d_vocab, model.d_mlp
    return NoiseSize(2 * p * gated, exact_flops(p * p, gated))
