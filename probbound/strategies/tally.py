"""What became of the members that were looked at: a count for each check of a row."""

from __future__ import annotations

from dataclasses import dataclass, replace

from probbound.strategies.chunks import Chunk


@dataclass(frozen=True)
class Step:
    """`draws` numbers that were looked at, and those of their members that checks have yet to see.

    `came` and `left` are, for each check that has seen them already, the tickets that reached it
    and those it did not pass. A number may hold no member.
    """

    draws: int
    chunk: Chunk
    came: tuple[int, ...] = ()
    left: tuple[int, ...] = ()


@dataclass(frozen=True)
class Tally:
    """What reached each check and what it left, in tickets; the exact check is the last.

    Attributes:
        came: tickets that reached each check; of the exact one, those it looked at.
        left: tickets that each check did not pass.
        conceded: tickets that count as failing, though the exact check did not look at them.
        looks: members that the exact check looked at.
        cheap: members that the others looked at, each counted for itself.
        draws: the numbers that were looked at.
        interrupted: whether the user stopped it.
    """

    came: tuple[int, ...]
    left: tuple[int, ...]
    conceded: int = 0
    looks: int = 0
    cheap: int = 0
    draws: int = 0
    interrupted: bool = False

    @classmethod
    def none(cls, checks: int) -> Tally:
        """Before anything was looked at."""
        return cls((0,) * checks, (0,) * checks)

    @property
    def failures(self) -> int:
        """Tickets found bad or conceded."""
        return self.left[-1] + self.conceded

    @property
    def reached(self) -> int:
        """Tickets that the exact check looked at or that were conceded."""
        return self.came[-1] + self.conceded

    def stepped(self, step: Step) -> Tally:
        """With the numbers of a step, and with what checks have said of them already."""
        made = replace(self, draws=self.draws + step.draws)
        for level, (came, left) in enumerate(zip(step.came, step.left, strict=True)):
            made = made.looked(level, came, came, left)
        return made

    def looked(self, level: int, members: int, came: int, left: int) -> Tally:
        """With so many members more looked at by a check, of whose tickets some were left."""
        samples, over = list(self.came), list(self.left)
        samples[level] += came
        over[level] += left
        exact = level == len(over) - 1
        return replace(
            self,
            came=tuple(samples),
            left=tuple(over),
            looks=self.looks + members * exact,
            cheap=self.cheap + members * (not exact),
        )

    def conceding(self, tickets: int) -> Tally:
        """With so many more that count as failing."""
        return replace(self, conceded=self.conceded + tickets) if tickets else self

    def stopped(self) -> Tally:
        """Interrupted: what is on its way between the checks is conceded."""
        later = zip(self.came[1:], self.left[1:], strict=True)
        settled = sum(reached - over for reached, over in later) + self.left[-1] + self.conceded
        waiting = self.left[0] - settled if len(self.left) > 1 else 0
        return replace(self.conceding(waiting), interrupted=True)

    def of_all(self, tickets: int) -> Tally:
        """Of so many tickets: those that never came are conceded."""
        came = self.came[0] + (self.conceded if len(self.left) == 1 else 0)
        return self.conceding(tickets - came)

    def left_by_all(self, tickets: int) -> Tally:
        """Of so many tickets: those that never came count as left over by every check."""
        made = self.of_all(tickets)
        missing = made.conceded - self.conceded
        came, left = ([n + missing for n in row[:-1]] for row in (made.came, made.left))
        return replace(made, came=(*came, made.came[-1]), left=(*left, made.left[-1]))
