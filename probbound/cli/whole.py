"""Whole numbers on the command line, also as 1e6 and 1_000_000."""

from __future__ import annotations

from decimal import Decimal

import click

_MOST_DIGITS = 30


def whole(text: str) -> int:
    """The whole number that `text` writes, to the last digit.

    Raises:
        ValueError: in one sentence, if it writes another number or none.
    """
    try:
        value = Decimal(text)
    except ArithmeticError:
        value = Decimal("nan")
    if not value.is_finite() or value != value.to_integral_value():
        raise ValueError(f"{text!r} is no whole number, such as 20000, 2e4 or 20_000")
    if value.adjusted() >= _MOST_DIGITS:
        raise ValueError(f"{text!r} has more than {_MOST_DIGITS} digits")
    return int(value)


class _Whole(click.ParamType):
    name = "integer"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The number; a default is one already."""
        if isinstance(value, int):
            return value
        try:
            return whole(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


WHOLE = _Whole()
