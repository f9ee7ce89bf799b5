"""δ on the command line: a number, or where it can be chosen `auto`."""

from __future__ import annotations

from typing import Literal

import click

from probbound.contract.defaults import AUTO
from probbound.machine.errors import UserError


def delta_number(text: str | float) -> float:
    """The number written, refused where it is not zero but a double would be.

    Raises:
        ValueError: if it is no number.
        UserError: if it is too small for one.
    """
    number = float(text)
    mantissa = str(text).lower().partition("e")[0]
    if number == 0 and any(digit in mantissa for digit in "123456789"):
        from probbound.contract.confidence import too_small

        raise too_small(str(text))
    return number


class _Delta(click.ParamType):
    def __init__(self, *, chosen: bool) -> None:
        self.chosen = chosen
        self.name = "float"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | Literal["auto"]:
        """The number, or the word."""
        if self.chosen and value == AUTO:
            return "auto"
        try:
            return delta_number(value)
        except UserError:
            raise
        except ValueError:
            wanted = "neither a number nor auto" if self.chosen else "not a number"
            self.fail(f"{value!r} is {wanted}", param, ctx)


DELTA = _Delta(chosen=True)
FIXED_DELTA = _Delta(chosen=False)
