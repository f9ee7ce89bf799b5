"""What a kind of made model is: how its names go on after their word, and what they build."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probbound.contract.networks import Network
from probbound.machine.errors import UserError


@dataclass(frozen=True)
class Builder:
    """`rest` matches what stands behind the word, and `build` makes the model of its groups.

    `build` is given the whole name, and a directory for what is dear to make again. `example` is a
    whole name.
    """

    example: str
    rest: re.Pattern[str]
    build: Callable[[Mapping[str, Any], str, Path], Network]

    def made(self, rest: str, name: str, kept: Path) -> Network:
        """The model of a name.

        Raises:
            UserError: if the name goes on otherwise, or asks for a model that cannot be made.
        """
        found = self.rest.fullmatch(rest)
        if found is None:
            raise UserError(f"no model can be made of {name!r}; name it as {self.example}")
        return self.build(found.groupdict(), name, kept)
