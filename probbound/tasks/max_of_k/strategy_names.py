"""What the strategies are called, for who only has to name them: nothing heavy is loaded here."""

from __future__ import annotations

AUTO = "auto"
NOISE_CHOICES = (
    "exact",
    "max-diff",
    "second-moments",
    "svd",
    "subproduct",
    "recursive",
    "frobenius",
    "sketch",
)
LINEAR_CHOICES = ("recursive", "frobenius", "sketch")
SAMPLED_CHOICES = ("sketch",)
_CHEAP_FIRST = ("subproduct", *(name for name in NOISE_CHOICES if name != "subproduct"))

PLAIN_SCREENS = ("cubic", "sub-cubic", "sub-cubic:no-mean-diff")
RUNG_NOISE: dict[str, tuple[str, ...]] = {  # the first is what the name of the rung alone means
    "low-rank-qk": _CHEAP_FIRST,
    "low-rank-eu": _CHEAP_FIRST,
    "low-rank-qk-eu": _CHEAP_FIRST,
    "quadratic-qk": LINEAR_CHOICES,
    "quadratic-qk-eu": LINEAR_CHOICES,
}


def strategy_summary() -> str:
    """The names of all strategies, without every choice of noise spelt out."""
    sampled = ("iid[:tables]", "entries[:counted|:NOISE]", "hybrid[:SCREEN]", "cascade[:SCREEN]")
    plain = ", ".join(("brute-force", *PLAIN_SCREENS, *RUNG_NOISE, *sampled))
    return (
        f"{plain} (low-rank and quadratic screens take :NOISE, one of {', '.join(NOISE_CHOICES)})"
    )
