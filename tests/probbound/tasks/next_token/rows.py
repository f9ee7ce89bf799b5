"""A tiny transformer, another that mostly answers the same, and rows that it mostly gets right.

All tests have one architecture and one length of rows, so that JAX compiles it once.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from probbound.models.transformer.network import GeneralTransformer
from probbound.models.transformer.running import outcomes
from probbound.tasks.next_token.task import NextToken
from tests.probbound.check.models.transformer import exact
from tests.probbound.check.models.transformer.networks import stated
from tests.probbound.check.models.transformer.networks import weights as read_weights
from tests.probbound.models.transformer.networks import network

SAID = stated()
NUMBER, READ, WRONG = 48, 4, 5


def model(name="net", noise=0.0, scales: Mapping[str, float] = MappingProxyType({})):
    """With some arrays multiplied, and noise on all of them."""
    made, random = network(3, 0.7), np.random.default_rng(1)
    arrays = {n: v + noise * random.normal(size=v.shape) for n, v in made.arrays.items()}
    arrays |= {n: arrays[n] * scale for n, scale in scales.items()}
    return GeneralTransformer(arrays, made.architecture, name)


def uncertain():
    """Whose scores are so large that hardly an answer is certain in real numbers."""
    part = "blocks.0.attn."
    return model(
        "uncertain", scales={part + name: 2.0**30 for name in ("W_Q", "W_K", "b_Q", "b_K")}
    )


def tokens(of=None, wrong=WRONG):
    """Different rows that end in the answer of a network, but for some."""
    found = np.random.default_rng(0).permutation(7**READ)[:NUMBER]
    read = np.stack(np.unravel_index(found, (7,) * READ), axis=1)
    last = outcomes(of or model(), read).argmax(axis=1)
    last[:wrong] = (last[:wrong] + 1) % SAID["d_out"]
    return np.concatenate([read, last[:, None]], axis=1)


def task(**settings):
    """About these rows."""
    return NextToken(tokens(), **settings)


def weights(made):
    """A network as the checker reads it."""
    return read_weights(SAID, made.arrays)


def logits(made, row):
    """What comes out after all of a row but its last token, from the definition."""
    found = exact.outcomes(SAID, made.arrays, row[:-1])[-1]
    return np.array([float(number) for number in found])


def saved(folder: Path, rows=None):
    """The file of rows that a checker is given."""
    path = folder / "rows.npz"
    np.savez(path, tokens=tokens() if rows is None else rows)
    return {"data": path}
