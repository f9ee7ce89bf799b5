"""The paths of a network whose noise can be bounded: attention scores, copying, the direct path."""

from __future__ import annotations

from typing import Any, get_args

from probbound.arithmetic.factored import FactoredMatrix
from probbound.machine.errors import UserError
from probbound.models.attention_only.accepted import accepted_model
from probbound.models.attention_only.path_names import TermName
from probbound.models.attention_only.transformer import in_float64
from probbound.noise.term import Axis, NoiseTerm


def noise_term(
    model: Any,
    term: TermName = "qk",
    rank: int = 0,
    head: int = 0,
    centre: Axis | None = None,
    peel: bool = False,
) -> NoiseTerm:
    """A path of the model without its `rank` leading singular directions (and means).

    - `qk` [d_vocab × d_vocab]: (E + P_last) W_Q W_Kᵀ Eᵀ / attn_scale, query token by key token;
    - `ov` [d_vocab × d_vocab_out]: E W_V W_O W_U; `direct` [d_vocab × d_vocab_out]:
      (E + P_last) W_U.

    Biases are not in them. A key bias adds the same number to all scores of a query and drops out
    of the softmax; a query bias adds b_Q W_Kᵀ Eᵀ / attn_scale to every row alike; a value bias
    b_V W_O W_U is added to every row of OV alike, and so are b_O W_U and b_U to the direct path:
    known rank-one structure. Means are taken out first (`centre`), then directions, with `peel`
    out of every factor too (`NoiseTerm.peeled`).

    Raises:
        UserError: if the term or the head does not exist, the rank is out of range, or the model
            is another network or of other numbers than floats.
    """
    if term not in get_args(TermName):
        raise UserError(f"there is no term {term!r}; choose from {', '.join(get_args(TermName))}")
    accepted = accepted_model(model)
    if not 0 <= head < accepted.n_heads:
        raise UserError(f"head must lie between 0 and {accepted.n_heads - 1}, got {head}")
    m = in_float64(accepted)
    last = m.W_E + m.W_pos[-1]
    factors, reads = {
        "qk": ((last / m.attn_scale, m.W_Q[head], m.W_K[head].T, m.W_E.T), "pairs"),
        "ov": ((m.W_E, m.W_V[head], m.W_O[head], m.W_U), "rows"),
        "direct": ((last, m.W_U), "last-row"),
    }[term]
    path = FactoredMatrix(*factors)
    noise = NoiseTerm(path, path, name=f"{model.name}/{term}", reads=reads)
    if centre is not None:
        noise = noise.centred(centre)
    return noise.peeled(rank) if peel else noise.without_leading(rank)
