"""What was counted, and what a certificate has to say where that was counted."""

from __future__ import annotations

from dataclasses import dataclass, field

Level = tuple[str, str, float, int, int, float | None]
Spend = tuple[str, str, str, float, int]


@dataclass(frozen=True)
class Facts:
    """What was counted: the share that screens leave (1 if there is none), then how draws fared.

    `left` of the `draws` passed the copying check on, `run` of those were run, `failures` failed
    or, left without being run, were conceded.
    """

    share: float
    draws: int = 0
    left: int = 0
    run: int = 0
    failures: int = 0

    def conceding(self, claimed: Facts) -> Facts:
        """The same draws, and of each count and of the share the larger (Theorem 6.2)."""
        return Facts(
            max(self.share, claimed.share),
            self.draws,
            max(self.left, claimed.left),
            max(self.run, claimed.run),
            max(self.failures, claimed.failures),
        )


@dataclass(frozen=True)
class Expected:
    """What the certificate has to say: the bound, what screens alone prove, levels and spends.

    A level is (check, mode, share, samples, failures, log δ or None); a spend is (statement,
    method, theorem, δ, samples).
    """

    failure: float
    proven: float
    levels: tuple[Level, ...]
    spends: tuple[Spend, ...] = ()
    drawn: tuple[int, int, int, bool] = field(default=(0, 0, 0, False))
