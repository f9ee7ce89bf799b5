"""The checker's cases as networks of the maker, and how they are run.

XLA takes seconds to compile what runs a tiny network in no time, once for each configuration. So
tests run all cases operation by operation, and compiled, as users run them, those of COMPILED,
which have every kind of operation between them; `-m slow` runs the others compiled. Operations too
are compiled, once for each shape: tests that give all cases the row ROW share them.
"""

from contextlib import AbstractContextManager, nullcontext

import jax
import pytest

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.network import GeneralTransformer
from tests.probbound.check.models.transformer.networks import CASES, random_arrays, stated

COMPILED = (
    "as Gemma 2",
    "post and shortformer",
    "alibi, not causal, capped",
    "parallel",
    "masked",
)
WAYS = [
    *(pytest.param(case, "by operations", id=case) for case in CASES),
    *(pytest.param(case, "compiled", id=f"{case}, compiled") for case in COMPILED),
    *(
        pytest.param(case, "compiled", id=f"{case}, compiled", marks=pytest.mark.slow)
        for case in CASES
        if case not in COMPILED
    ),
]


def run_in(way: str) -> AbstractContextManager[None]:
    """In which networks run this way."""
    return {"by operations": jax.disable_jit, "compiled": nullcontext}[way]()


def architecture(**changes):
    """One of the plain configuration, other where it is said."""
    return Architecture.from_json(stated(**changes))


def network(seed=0, spread=0.5, name="network", **changes):
    """With random arrays, all that it may have."""
    arrays = random_arrays(stated(**changes), seed, spread)
    return GeneralTransformer(arrays, architecture(**changes), name)
