"""All kinds of look-ups that a cascade may begin with, by strategy."""

from __future__ import annotations

from collections.abc import Mapping

from probbound.tasks.induction.grammar import CASCADE, FACTORED
from probbound.tasks.induction.screens.factored import BY_FACTORED
from probbound.tasks.induction.screens.looked_up import LookUps
from probbound.tasks.induction.screens.soft import BY_SOFT

LOOK_UPS: Mapping[str, LookUps] = {  # in the order of Definition 10.14
    CASCADE if way.name == FACTORED else f"{CASCADE}:{way.name}": way
    for way in (BY_FACTORED, BY_SOFT)
}
