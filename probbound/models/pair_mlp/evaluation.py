"""The forward pass of a pair network in float64, as the exact check at the end of every row."""

from __future__ import annotations

from probbound.contract.tasks import Task
from probbound.models.answering import Answering, fitting_chunk
from probbound.models.pair_mlp.forward_error import logit_slack
from probbound.models.pair_mlp.network import PairMLP, forward_flops, in_float64


class ForwardPass(Answering):
    """A pair passes if the right logit is for sure above every other by `margin` (Theorem 5.14).

    Computed in float64, whatever the precision of the weights: from tables, which are made once.
    """

    @classmethod
    def of(cls, model: PairMLP, task: Task, margin: float = 0.0) -> ForwardPass:
        """Of a model, whose own logits these are."""
        width = 2 * model.d_mlp + model.d_out + 2 * model.d_vocab_out
        lead = margin + logit_slack(model, margin)
        return cls(in_float64(model).tables, task, lead, forward_flops(model), fitting_chunk(width))
