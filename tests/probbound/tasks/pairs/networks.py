"""Small networks of two operands, and their margins computed exactly or nearly so."""

from __future__ import annotations

import itertools
from fractions import Fraction
from itertools import islice

import numpy as np

from probbound.models.pair_mlp.training import PairRecipe, snapshots
from probbound.tasks.pairs.folded import Folded


def cyclic(p: int) -> np.ndarray:
    """a + b mod p."""
    return (np.arange(p)[:, None] + np.arange(p)) % p


def symmetric(n: int) -> np.ndarray:
    """The products of all permutations of n things."""
    members = list(itertools.permutations(range(n)))
    number = {member: i for i, member in enumerate(members)}
    return np.array(
        [[number[tuple(g[i] for i in h)] for h in members] for g in members], dtype=np.intp
    )


def waves(p, frequencies, each, rng, amplitude=1.0):
    """Operand rows and output of neurons that add by waves, `each` phases a frequency."""
    angles = 2 * np.pi * np.arange(p) / p
    rows, out = [], []
    for k in frequencies:
        phases = 2 * np.pi * (np.arange(each) + rng.uniform()) / each
        sizes = amplitude * rng.uniform(0.9, 1.1, each)
        rows.append(sizes * np.cos(k * angles[:, None] + phases))
        out.append(np.cos(k * angles + 2 * phases[:, None]) / each * 8)
    return np.concatenate(rows, axis=1), np.concatenate(out)


def planted(p=13, frequencies=(1, 3, 4), each=12, noise=0.0, seed=0, *, untied=False, biased=False):
    """A network that adds mod p, with noise on every weight."""
    rng = np.random.default_rng(seed)
    rows, out = waves(p, frequencies, each, rng)
    first = rows + noise * rng.normal(size=rows.shape)
    second = rows + noise * rng.normal(size=rows.shape) if untied else first
    if biased:
        first = first + 0.2 * rng.normal(size=rows.shape[1])
    return Folded.of(
        first,
        second,
        out + noise * rng.normal(size=out.shape),
        cyclic(p),
        bias=noise * rng.normal(size=p) if biased else None,
    )


def with_skip(p=13, noise=0.05, seed=0):
    """A planted network with a path past its gates."""
    rng = np.random.default_rng(seed)
    net = planted(p, noise=noise, seed=seed)
    skip = rng.normal(size=(p, 3)), rng.normal(size=(p, 3)), 0.1 * rng.normal(size=(3, p))
    return Folded.of(net.first, net.second, net.out, net.labels, skip=skip, bias=rng.normal(size=p))


def random(p=6, gates=5, seed=0, labels=None):
    """Numbers without structure; what it gets right, it gets right by chance."""
    rng = np.random.default_rng(seed)
    return Folded.of(
        rng.normal(size=(p, gates)),
        rng.normal(size=(p, gates)),
        rng.normal(size=(gates, p)),
        cyclic(p) if labels is None else labels,
        bias=rng.normal(size=p) if seed % 2 else None,
    )


def sundry(number: int):
    """As many networks of all kinds: random, perturbed, biased, untied, with skip."""
    for seed in range(number):
        kind, noise = seed % 6, (0.0, 0.02, 0.1, 0.3, 0.6)[seed // 6 % 5]
        if kind == 0:
            yield random(p=4 + seed % 5, gates=3 + seed % 7, seed=seed)
        elif kind == 1:
            yield with_skip(7 + 2 * (seed % 3), noise, seed)
        else:
            yield planted(
                (5, 7, 11, 13)[seed % 4],
                (1, 2, 3)[: 1 + seed % 3],
                8,
                noise,
                seed,
                untied=kind in (2, 3),
                biased=kind in (3, 4),
            )


def half_trained(number: int):
    """As many networks of our own trainer that add mod 7, from its first steps on.

    Half of them learn from a part of the pairs, half have biases, and operands may be untied.
    """
    stops, table = (1, 12, 40, 90, 160), cyclic(7)
    for seed in range(-(-number // len(stops))):
        recipe = PairRecipe(
            d_mlp=24,
            d_model=6,
            steps=stops[-1],
            batch=0,
            learning_rate=0.02,
            weight_decay=0.5,
            share_of_pairs=(0.6, 1.0)[seed % 2],
            tied=seed % 4 < 2,
            biased=seed % 3 == 0,
        )
        left = max(0, number - seed * len(stops))
        yield from islice(snapshots(table, recipe, seed, stops), left)


def margins(net: Folded) -> np.ndarray:
    """The own logit less the largest other one, in extended precision."""
    wide = [np.asarray(x, dtype=np.longdouble) for x in (net.first, net.second, net.out)]
    found = wide[0][:, None] + wide[1][None]
    found[..., : net.gated] = np.maximum(found[..., : net.gated], 0)
    logits = found @ wide[2]
    own = np.take_along_axis(logits, net.labels[..., None], axis=2)[..., 0]
    np.put_along_axis(logits, net.labels[..., None], -np.inf, axis=2)
    return own - logits.max(axis=2)


def exact_margin(net: Folded, a: int, b: int) -> Fraction:
    """The margin of one pair, without rounding."""
    rows = zip(net.first[a].tolist(), net.second[b].tolist(), strict=True)
    found = [Fraction(x) + Fraction(y) for x, y in rows]
    found[: net.gated] = [max(x, Fraction(0)) for x in found[: net.gated]]
    logits = [
        sum((x * Fraction(w) for x, w in zip(found, column, strict=True)), Fraction(0))
        for column in net.out.T.tolist()
    ]
    own = logits.pop(int(net.labels[a, b]))
    return own - max(logits)


def all_pairs(net: Folded) -> np.ndarray:
    """Every pair, b running first."""
    return np.argwhere(np.ones(net.labels.shape, dtype=bool))


def left_of(check, net):
    """Which pairs a screen leaves, as a table of both operands."""
    return check.uncertified(all_pairs(net)).reshape(net.labels.shape)
