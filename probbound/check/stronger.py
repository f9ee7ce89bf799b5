"""Claims that are shown by what proves more: a screen that is run again, or every input run.

Sampled noise entries are not computed a second time.
Whatever made them, a claim is true if a stronger one is (Theorem 6.4); where no stronger one can
be had, the checker says so and refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.check.arithmetic import Expected
from probbound.check.gapped import Gapped
from probbound.check.listing import LIMIT
from probbound.check.network import Network
from probbound.check.prior import Law
from probbound.check.replay import coins_of, leftover, share_of, wrong_share
from probbound.check.report import Refused

MOST_TOKENS, MOST_FOR_A_RUNG = 1024, 4096
_LEVEL_FIELDS = ("check", "mode", "share_upper", "samples", "failures", "log_delta")


def samples_noise(predicate: Mapping[str, Any]) -> bool:
    """Whether it stands on noise entries (Theorem 4.34), or on bounds for all of them (4.36)."""
    return predicate["chosen"].partition(":")[0] == "entries"


def as_said(predicate: Mapping[str, Any]) -> Expected:
    """What has to be said where levels, counts and spends are taken as they stand."""
    spends = tuple(
        (row["statement"], row["method"], row["theorem"], row["delta"], row["samples"])
        for row in predicate["ledger"]
    )
    levels = tuple(tuple(level[name] for name in _LEVEL_FIELDS) for level in predicate["levels"])
    sampling, failure = predicate["sampling"], predicate["failure_upper"]
    drawn = tuple(sampling[name] for name in ("draws", "samples", "failures", "replace"))
    return Expected(failure, 1.0 if spends else failure, levels, spends, drawn)


def dominated(predicate: Mapping[str, Any], network: Network, law: Law, tolerance: float) -> str:
    """What shows the claim to be true, in a sentence.

    Raises:
        Refused: if the claim is not shown: it may be true, but was not checked.
    """
    name = predicate["chosen"]
    vocabulary, length = len(network.token[0]), len(network.weights.W_pos)
    if network.heads == 1 and vocabulary <= MOST_FOR_A_RUNG:
        share = share_of(Gapped(network, "sub-cubic", law, coins_of(predicate)), network, law)
        if predicate["failure_upper"] >= share * (1 - tolerance):
            return f"the sub-cubic rung alone leaves a share of at most {share!r}, no more"
    if vocabulary > MOST_TOKENS:
        raise Refused(
            f"{name} is not independently re-checked for more than {MOST_TOKENS} tokens: what "
            "could still show the claim is cubic in their number"
        )
    share = share_of(leftover(network, law, None), network, law)
    if predicate["failure_upper"] >= share * (1 - tolerance):
        return (
            f"the additive screen alone leaves a share of at most {share!r}, no more than claimed"
        )
    if vocabulary**length > LIMIT:
        raise Refused(f"the draws of {name} are not independently re-checked")
    failing = wrong_share(network, law)
    if predicate["failure_upper"] < failing * (1 - tolerance):
        raise Refused(f"a share of {failing!r} of all inputs is wrong, more than it claims")
    return (
        f"of all inputs, run or certified one by one, a share of {failing!r} is wrong: it is true"
    )
