"""The checker's cases as networks of the maker."""

from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.network import GeneralTransformer
from tests.probbound.check.models.transformer.networks import random_arrays, stated


def architecture(**changes):
    """One of the plain configuration, other where it is said."""
    return Architecture.from_json(stated(**changes))


def network(seed=0, spread=0.5, name="network", **changes):
    """With random arrays, all that it may have."""
    arrays = random_arrays(stated(**changes), seed, spread)
    return GeneralTransformer(arrays, architecture(**changes), name)
