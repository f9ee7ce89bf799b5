"""Claims that are shown by what proves more: a screen that is run again, or every input run.

Draws by mass from what the additive screen left are not computed a second time.
Whatever made them, a claim is true if a stronger one is (Theorem 6.4); where no stronger one can
be had, the checker says so and refuses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.check.arithmetic import form_of
from probbound.check.listing import LIMIT
from probbound.check.network import Network
from probbound.check.prior import Law
from probbound.check.replay import leftover, screen_of, share_of, wrong_share
from probbound.check.report import Refused

MOST_TOKENS = 1024


def needs_showing(predicate: Mapping[str, Any]) -> bool:
    """Whether what a strategy leaves is not computed a second time."""
    by_mass = predicate["claim"]["prior"] is not None
    return by_mass and screen_of(predicate["chosen"]) == "cubic"


def dominated(predicate: Mapping[str, Any], network: Network, law: Law, tolerance: float) -> str:
    """What shows the claim to be true, in a sentence.

    Raises:
        Refused: if the claim is not shown: it may be true, but was not checked.
    """
    name = predicate["chosen"]
    vocabulary, length = len(network.token[0]), len(network.weights.W_pos)
    if vocabulary > MOST_TOKENS:
        raise Refused(
            f"{name} is not independently re-checked for more than {MOST_TOKENS} tokens: what "
            "could still show the claim is cubic in their number"
        )
    share = share_of(leftover(network, None), network, law)
    _require_levels(predicate, share * (1 - tolerance))
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


def _require_levels(predicate: Mapping[str, Any], least: float) -> None:
    name, first = predicate["chosen"], predicate["levels"][0]
    if first["check"] != "cubic" or form_of(predicate) in ("all run", "sampled"):
        raise Refused(f"the levels are not those of the strategy {name}")
    if first["share_upper"] < least:
        raise Refused(f"its screen is said to leave less than it does, a share of {least!r}")
