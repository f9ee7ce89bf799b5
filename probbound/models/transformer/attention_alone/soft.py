"""One sequence through two layers by the first layer's own weights (Theorem 10.20)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from probbound.machine.errors import UserError
from probbound.models.transformer.attention_alone.form import LEAST, Form
from probbound.models.transformer.attention_alone.near import FAINT, norms, require_two_layers
from probbound.models.transformer.attention_alone.trees import Ranges

MOST_ENTRIES = 1 << 24
_AT_ONCE = 1 << 12
_SUMS, _SHARE, _ROUND = 2.0**-41, 2.0**-40, 2.0**-44
_LEAST_SCALE = 64


@dataclass(frozen=True)
class SoftTables:
    """What is looked up of a two-layer network with one head a layer, by atoms p · v + token.

    `weights` are E, by what looks and what is seen, 0 where that comes later. By the last token,
    and with its weights E multiplied in: `own` and `moved` are α and β, by what the last position
    sees and the key, and `said` P, by that and the match; `shown` is Q with the match's weights,
    by the match and what it sees. The rest is what sums may be off by.
    """

    weights: Float[np.ndarray, "atoms atoms"]
    own: Float[np.ndarray, "q atoms atoms"]
    moved: Float[np.ndarray, "q atoms atoms"]
    said: Float[np.ndarray, "q atoms atoms"]
    shown: Float[np.ndarray, "atoms atoms"]
    score_off: float
    said_off: float
    shown_off: float

    def right(
        self, tokens: Int[np.ndarray, "n n_ctx"], place: Int[np.ndarray, " n"]
    ) -> Bool[np.ndarray, " n"]:
        """Which sequences are certainly answered by what follows `place`."""
        found = np.zeros(len(tokens), dtype=bool)
        for q in np.unique(tokens[:, -1]):  # so that what is looked up of a token fits a cache
            rows = np.flatnonzero(tokens[:, -1] == q)
            for some in np.split(rows, range(_AT_ONCE, len(rows), _AT_ONCE)):
                found[some] = self._right(int(q), tokens[some], place[some] + 1)
        return found

    def _right(
        self, q: int, tokens: Int[np.ndarray, "n n_ctx"], match: Int[np.ndarray, " n"]
    ) -> Bool[np.ndarray, " n"]:
        n, v = tokens.shape[1], len(self.own)
        atoms, rows = np.arange(n)[:, None] * v + tokens.T, np.arange(len(tokens))
        key = atoms[match, rows]
        plain, keyed = (_summed(each[q], atoms) for each in (self.own, self.moved))
        sums, scores = np.empty(atoms.shape), np.empty(atoms.shape)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
            for p in range(n):
                seen = _looked_up(self.weights, atoms[p], atoms[: p + 1])
                sums[p] = seen.sum(axis=0)
                scores[p] = plain[p] + (seen * keyed[: p + 1]).sum(axis=0) / sums[p]
            scores /= sums[-1]
            rivals = np.exp(scores - scores[match, rows])
            rivals[match, rows] = 0.0
            share = (1 - _SHARE) / (1 + rivals.sum(axis=0) * self._widened)
            said = self.said[q][atoms, key].sum(axis=0) / sums[-1]
            shown = _looked_up(self.shown, key, atoms).sum(axis=0) / sums[match, rows]
            shown = shown - self.shown_off
            proved = (said + self.said_off < share * shown) & (shown >= 0)
        return proved & (sums >= FAINT).all(axis=0)

    @cached_property
    def _widened(self) -> float:
        with np.errstate(over="ignore"):
            return float(np.exp(2 * self.score_off)) * (1 + _SHARE)


def operations(n_ctx: int) -> int:
    """Of one sequence; look-ups are none (Theorem 10.20)."""
    return (7 * n_ctx**2 + 17 * n_ctx) // 2 + 10


@dataclass(frozen=True)
class Soft:
    """What makes the tables.

    Raises:
        UserError: if the network has other layers or heads, or the tables would be too large.
    """

    form: Form
    margin: float = 0.0

    def __post_init__(self) -> None:
        require_two_layers("soft", self.form)
        n, v, _ = self.form.atoms.shape
        if n**2 * v**3 > MOST_ENTRIES:
            raise UserError(
                f"tables of soft would have {n**2 * v**3:,} entries, more than {MOST_ENTRIES:,}"
            )

    @property
    def flops(self) -> int:
        """Operations of `tables`: products of atoms, and what P and Q take by answer."""
        n, v, width = self.form.atoms.shape
        atoms, out = n * v, self.form.outcomes.shape[1]
        products = 2 * width * (3 * atoms**2 + 2 * v * atoms + 4 * atoms * width)
        answers = 2 * width * out * (4 * atoms + width) + 4 * atoms * out * (v**2 + out)
        return products + answers + (14 * v + 12) * atoms**2 + (2 * v + 8) * out * atoms**2

    def tables(self) -> SoftTables:
        """All of them."""
        n, v, _ = self.form.atoms.shape
        weights = self._ranges.first_weights[0].reshape(n * v, n * v)
        own, moved, score_off = self._scores(weights)
        said, said_off = self._said(weights)
        shown, shown_off = self._shown(weights)
        return SoftTables(weights, own, moved, said, shown, score_off, said_off, shown_off)

    @cached_property
    def _ranges(self) -> Ranges:
        return Ranges(self.form)

    @cached_property
    def _moved(self) -> Float[np.ndarray, "atoms width"]:
        width = self.form.atoms.shape[2]
        return self.form.atoms.reshape(-1, width) @ self.form.values[0, 0]

    def _off(self, layers: int, largest: float) -> float:
        """What a mean by the weights of so many means may be off by, of entries so large."""
        doubled = 2 * layers
        by_weights = float(np.expm1(doubled * np.log1p(self._ranges.first_widening[0])))
        return (by_weights + _SUMS) * (1 + largest) * (1 + 2.0**-30)

    def _scores(
        self, weights: Float[np.ndarray, "atoms atoms"]
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Eα and Eβ, and what a score may be off by."""
        form, (v, width) = self.form, self.form.atoms.shape[1:]
        plain, matrix = form.atoms.reshape(-1, width), form.scores[1, 0]
        made, largest = [], 0.0
        for keys in (plain, self._moved):
            keyed = matrix @ keys.T
            each = (form.atoms[-1] @ keyed)[:, None] + self._moved @ keyed
            largest += float(np.abs(each).max())
            made.append(each * weights[-v:, :, None])
        grown = form.atom_size * (1 + float(form.value_sizes[0, 0]))
        off = form.gamma * grown**2 * float(form.score_sizes[1, 0]) + LEAST
        return made[0], made[1], self._off(2, largest) + off * (1 + 2.0**-30)

    @cached_property
    def _apart(self) -> tuple[Float[np.ndarray, "wrong right"], float]:
        """Sizes of f_jb, and by what 10.4 multiplies what they make of a state behind layer 1."""
        form, sizes = self.form, norms(self.form.outcomes)
        grown = form.atom_size * (1 + float(form.value_sizes[0, 0]))
        return sizes[:, None] + sizes, form.gamma * grown

    @cached_property
    def _values(self) -> tuple[Float[np.ndarray, "atoms out"], Float[np.ndarray, "atoms out"]]:
        """What the last layer's values say, of tokens and of what the first layer moves."""
        form, width = self.form, self.form.atoms.shape[2]
        behind = form.values[1, 0] @ form.outcomes
        return form.atoms.reshape(-1, width) @ behind, self._moved @ behind

    @cached_property
    def _tau(self) -> tuple[Float[np.ndarray, "wrong right"], Float[np.ndarray, "wrong right"]]:
        """τ_jb, and what 10.4 has values off by."""
        n, v, _ = self.form.atoms.shape
        sizes, off = self._apart
        off = off * sizes * float(self.form.value_sizes[1, 0]) + LEAST
        own, far = (_most_apart(each.reshape(n, v, -1)) for each in self._values)
        far = np.maximum.accumulate(far, axis=0)
        most = (own + far).max(axis=0)
        return most + off + _ROUND * (np.abs(own) + np.abs(far)).max(axis=0), off

    @cached_property
    def _scale(self) -> Float[np.ndarray, "n_ctx label wrong"]:
        """N_mbj."""
        (n, v, _), (tau, _) = self.form.atoms.shape, self._tau
        own, far = self._values
        far = far.mean(axis=0)
        own = own.reshape(n, v, -1)
        labels = np.arange(v)
        led = own + far - (own[:, labels, labels] + far[labels])[..., None]
        return np.maximum(tau[:, labels].T - led, np.abs(tau).max() / _LEAST_SCALE + 2.0**-100)

    def _said(self, weights: Float[np.ndarray, "atoms atoms"]) -> tuple[np.ndarray, float]:
        """EP, and what Σ e P may be off by."""
        form, (n, v, _) = self.form, self.form.atoms.shape
        sizes, off = self._apart
        (tau, _), labels = self._tau, np.arange(v)
        first, far = form.atoms[-1] @ form.outcomes, self._moved @ form.outcomes
        made, largest = np.empty((v, n * v, n * v)), 0.0
        raised = (tau + self.margin + off * sizes + LEAST)[:, labels].T
        size = (np.abs(tau) + abs(self.margin))[:, labels].T
        for q in range(v):
            here = far + first[q]
            lead = here[:, None, :] - here[:, labels, None]
            size_here = _ROUND * (size + 2 * np.abs(here).max() + 2 * np.abs(far).max())
            lead += raised + size_here
            for m in range(n):
                ratio = lead / self._scale[m]
                ratio[:, labels, labels] = -np.inf
                made[q, :, m * v : (m + 1) * v] = ratio.max(axis=2)
            made[q] += 2.0**-50 * np.abs(made[q])
            largest = max(largest, float(np.abs(made[q]).max()))
            made[q] *= weights[-v + q, :, None]
        return made, self._off(1, largest)

    def _shown(self, weights: Float[np.ndarray, "atoms atoms"]) -> tuple[np.ndarray, float]:
        """EQ, and what Σ e Q may be off by."""
        n, v, _ = self.form.atoms.shape
        (own, far), (tau, off) = self._values, self._tau
        made = np.empty((n * v, n * v))
        for atom, mine in enumerate(own):
            m, b = divmod(atom, v)
            here = mine + far
            here = tau[:, b] - off[:, b] - (here - here[:, [b]])
            size = np.abs(tau[:, b]) + 2 * np.abs(mine).max() + 4 * np.abs(far).max()
            ratio = (here - _ROUND * size) / self._scale[m, b]
            ratio[:, b] = np.inf
            made[atom] = ratio.min(axis=1)
        made -= 2.0**-50 * np.abs(made)
        largest = float(np.abs(made).max())
        return made * weights, self._off(1, largest)


def _most_apart(logits: Float[np.ndarray, "n tokens out"]) -> Float[np.ndarray, "n out out"]:
    """The most by which outcome j leads outcome b over all tokens, at each position."""
    return np.stack([(each[:, :, None] - each[:, None, :]).max(axis=0) for each in logits])


def _looked_up(
    table: Float[np.ndarray, "atoms atoms"],
    first: Int[np.ndarray, " n"],
    second: Int[np.ndarray, "places n"],
) -> Float[np.ndarray, "places n"]:
    return table.take(first * len(table) + second)


def _summed(
    table: Float[np.ndarray, "atoms atoms"], atoms: Int[np.ndarray, "n_ctx n"]
) -> Float[np.ndarray, "n_ctx n"]:
    """Of every position the sum of what the table says of each position of the sequence and it."""
    total = _looked_up(table, atoms[0], atoms)
    for seen in atoms[1:]:
        total += _looked_up(table, seen, atoms)
    return total
