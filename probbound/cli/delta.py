"""δ on the command line: a number, or `auto`."""

from __future__ import annotations

from typing import Literal

import click

from probbound.strategies.names import AUTO


class _Delta(click.ParamType):
    name = "delta"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | Literal["auto"]:
        """The number, or the word."""
        if value == AUTO:
            return "auto"
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor auto", param, ctx)


DELTA = _Delta()
