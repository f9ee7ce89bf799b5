"""The kinds of networks that answer pairs: how each is accepted, folded and run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from probbound.contract.checks import Check
from probbound.machine.errors import UserError, kind_of
from probbound.models.pair_mlp import network as pair_mlp
from probbound.models.pair_mlp.evaluation import ForwardPass as TableForward
from probbound.models.pair_mlp.forward_error import forward_error_flops, logit_size
from probbound.models.pair_mlp.network import PairMLP
from probbound.models.plain_floats import require_floats
from probbound.models.uniform_pair import network as uniform_pair
from probbound.models.uniform_pair.network import UniformPair
from probbound.tasks.pairs.attention import folded_uniform, folding_flops_uniform
from probbound.tasks.pairs.folded import Folded, Labelling
from probbound.tasks.pairs.folding import folded, folding_flops
from probbound.tasks.pairs.population import Pairs
from probbound.tasks.pairs.screens.forward import ForwardPass, forward_table_flops

N = TypeVar("N", bound=PairMLP | UniformPair)


@dataclass(frozen=True)
class PairKind(Generic[N]):
    """What a kind brings: `accepted` refuses numbers that sound arithmetic cannot be done with.

    `folded` is the network as the screens see it, and `folding_flops` what that takes. `exact` is
    the check at the end of every row, of the network, its folded form, the task and a margin;
    `once_flops` is what is worked out for it before any pair is seen.
    """

    accepted: Callable[[N], None]
    folded: Callable[[N, Labelling], Folded]
    folding_flops: Callable[[N], int]
    exact: Callable[[N, Callable[[], Folded], Pairs, float], Check]
    once_flops: Callable[[N, Callable[[], Folded]], int]


def _accepted_mlp(model: PairMLP) -> None:
    for weight, values in pair_mlp.weights_of(model).items():
        require_floats(weight, values)
    pair_mlp.require_finite(model)
    if not math.isfinite(logit_size(model)):
        raise UserError(
            f"the weights of {model.name} are too far from 1 for sound arithmetic in float64; "
            "rescale them"
        )


def _accepted_uniform(model: UniformPair) -> None:
    for weight, values in uniform_pair.weights_of(model).items():
        require_floats(weight, values)
    uniform_pair.require_finite(model)
    if type(model.attn_coeff) is not float:
        raise UserError(f"attn_coeff must be a float, got {model.attn_coeff!r}")


MLP = PairKind[PairMLP](
    _accepted_mlp,
    folded,
    folding_flops,
    lambda model, _, task, margin: TableForward.of(model, task, margin),
    lambda model, _: pair_mlp.table_flops(model) + forward_error_flops(model),
)
UNIFORM = PairKind[UniformPair](
    _accepted_uniform,
    folded_uniform,
    folding_flops_uniform,
    lambda _, net, __, margin: ForwardPass.of(net(), margin),
    lambda model, net: folding_flops_uniform(model) + forward_table_flops(net()),
)
KINDS: dict[type, PairKind[Any]] = {PairMLP: MLP, UniformPair: UNIFORM}


def kind_of_pairs(model: Any) -> PairKind[Any]:
    """The kind of a network.

    Raises:
        UserError: if it answers no pairs; a subclass might compute something else.
    """
    if type(model) not in KINDS:
        known = ", ".join(kind.__name__ for kind in KINDS)
        raise UserError(
            f"bounds over pairs are proved for pair networks ({known}), got {kind_of(model)}"
        )
    return KINDS[type(model)]
