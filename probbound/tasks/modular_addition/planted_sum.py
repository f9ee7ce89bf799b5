"""A network that adds modulo p by construction, for any p: waves and noise."""

from __future__ import annotations

import math

import numpy as np

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.pair_mlp.network import PairMLP
from probbound.tasks.modular_addition.task import ModularAddition


def planted_sum(
    p: int,
    seed: int = 0,
    *,
    waves: int = 12,
    neurons: int = 128,
    beside: int = 32,
    noise: float = 0.05,
    bottleneck: bool = True,
) -> PairMLP:
    """`neurons` for each of `waves` random frequencies, their phases spread evenly.

    A neuron of frequency k and phase φ takes cos(2πka/p + φ) of each operand, and its row of the
    output is cos(2πkc/p + 2φ) over the classes c. `noise` times a standard normal number is added
    to every entry of the operands, and to the output a matrix of rank `beside` whose entries have
    about that size. With the `bottleneck` the output is kept as the two factors that it is the
    product of, of inner width 2 · waves + beside; without, it is multiplied out.

    Raises:
        UserError: if p is no modulus of the task, or there are not as many frequencies.
    """
    p = ModularAddition(p).p
    if not 1 <= waves <= (p - 1) // 2 or neurons < 1 or beside < 0 or not 0 <= noise < math.inf:
        raise UserError(
            f"waves must be 1 to {(p - 1) // 2} for p = {p}, with at least one neuron each, and "
            f"noise finite and not below 0; got waves={waves}, neurons={neurons}, "
            f"beside={beside}, noise={noise}"
        )
    rng = Stream.from_seed(seed).fold_in(f"planted sum modulo {p}").generator()
    frequencies = np.sort(rng.choice(np.arange(1, (p + 1) // 2), waves, replace=False))
    group = np.repeat(np.arange(waves), neurons)
    offsets = rng.uniform(size=waves)[:, None]
    phases = (2 * np.pi / neurons * (np.arange(neurons) + offsets)).ravel()
    angles = 2 * np.pi / p * (np.arange(p)[:, None] * frequencies % p)
    operands = np.cos(angles[:, group] + phases)
    operands += noise * rng.standard_normal(operands.shape)
    own = group[:, None] == np.arange(waves)
    out = np.concatenate(
        [
            np.where(own, np.cos(2 * phases)[:, None], 0.0),
            np.where(own, -np.sin(2 * phases)[:, None], 0.0),
            noise * rng.standard_normal((len(phases), beside)),
        ],
        axis=1,
    )
    loud = rng.standard_normal((beside, p)) / math.sqrt(max(beside, 1))
    answers = np.concatenate([np.cos(angles.T), np.sin(angles.T), loud])
    name = f"planted-mod-add-p{p}"
    if bottleneck:
        return PairMLP(W_E=operands, W_out=out, W_U=answers, name=name)
    return PairMLP(W_E=operands, W_U=out @ answers, name=name)
