"""About how many operations each part of a check takes, and how many bytes at once.

An operation is what one core does in about a nanosecond. The numbers are a little above what was
measured; where the weights decide, they are for the worst weights of that size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from probbound.check.effort import Work
from probbound.check.models.attention_only.weights import Weights
from probbound.check.tasks.max_of_k.gaps import class_starts

PILOT = 1 << 16  # draws that a cascade plans its own by, and the most that other plans look at
_PART = 1 << 19  # tickets drawn at once
_ROWS = 1 << 13  # inputs run at once
_CALL = 3e4  # a handful of calls of NumPy
_ALONE = 8e5  # the tables of one knapsack by itself
_WIDE = 40  # times as long where numbers do not fit into 62 bits
_BITS = 62


@dataclass(frozen=True)
class Price:
    """Of what is made once, of a draw of an input and of all that is left looked at in turn.

    `each` is for one draw, `part` for every _PART of them that are made, and `case` for each of at
    most `cases` that draws of a part are from.
    """

    once: float
    each: float
    part: float = 0.0
    memory: float = 0.0
    case: float = 0.0
    cases: float = 0.0

    def draws(self, n: float | int) -> float:
        """Of n draws."""
        parts = math.ceil(n / _PART)
        return n * self.each + parts * self.part + min(n, parts * self.cases) * self.case


@dataclass(frozen=True)
class Prices:
    """For weights of d_vocab, n_ctx, d_model, d_head, n_heads and d_vocab_out; `total` of the law
    is what the weights of tokens add up to.
    """

    v: int
    k: int
    d: int
    e: int
    h: int
    out: int
    total: int

    @property
    def inputs_in_all(self) -> float:
        """d_vocab^n_ctx, infinite where it is no float."""
        return float(self.v) ** self.k if self.k * math.log2(self.v) < 1000 else math.inf

    @property
    def forward(self) -> float:
        """A forward pass."""
        attention = self.h * (2.5 * self.d * self.e + 12 * self.k * self.d + 40 * self.k)
        return 500 + attention + 6 * self.k * self.d + self.out * (10 + 0.2 * self.d)

    @property
    def loss(self) -> float:
        """A forward pass and a bound on its loss."""
        return self.forward + 25 * self.out

    @property
    def tables(self) -> float:
        """All products of weight matrices that a network has."""
        v, d, e, h, out = self.v, self.d, self.e, self.h, self.out
        products = h * (v * v * e + v * out * e + (v + self.k + out) * d * e) + v * out * d
        return 0.3 * products + 20 * (h * v * v + (h + 1) * v * out) + _CALL

    @property
    def table_memory(self) -> float:
        """Bytes of these, and of the inputs that are run at once."""
        v, h, out = self.v, self.h, self.out
        rows = _ROWS * (2 * self.k * self.d + 3 * out) + 8 * _ROWS * 3 * self.k
        return 8.0 * (2 * h * v * v + (2 * h + 2) * v * out + rows)

    @property
    def terms(self) -> float:
        """The terms of Theorem 1.2 for a head and a last token, of half of the labels."""
        return _CALL + self.k * (8 * self.v * self.out + 5 * self.v * self.v)

    @property
    def inputs(self) -> Price:
        """Draws from all inputs."""
        each = self.k * (25 + 6 * math.log2(self.v + 1))
        return Price(0.0, each, 0.0, 8.0 * (1 << 16) * 5 * self.k)

    @property
    def listed(self) -> Price:
        """The additive screen by listing every input."""
        v, k, h = self.v, self.k, self.h
        blocks, everything = v * (v + 1) / 2 * max(k - 1, 1), self.inputs_in_all
        once = h * v * self.terms + _CALL * blocks + everything * (6 * h + 12 * k * self._width)
        memory = 17.0 * everything / v + 16 * k * v * v * (h + 1)
        return Price(once, self._width * (20 * k + 200), once, memory)

    def gridded(self, points: int) -> Price:
        """The additive screen counted on a grid."""
        v, k, h, states = self.v, self.k, self.h, points + 1
        length = 1 << (2 * states - 1).bit_length()
        convolution = 1.8 * self._limbs(states) * length * math.log2(length) + 40 * states
        label = max(k - 2, 0) * (convolution + 12 * v) + 30 * v + _CALL
        case = self.terms + 15 * k * v * v
        once = h * v * (case + v / 2 * label)
        batch = min(v, max(1, (1 << 20) // states))
        memory = 8.0 * (5 * k * v * v + batch * states * (2 * k + 8) + 4 * batch * length)
        return Price(
            once,
            each=1.0 * k * (15 * v + 60),
            part=h * v * case,
            memory=memory + 8.0 * _PART * 4 * k,
            case=label + _ALONE + (h - 1) * case,
            cases=h * v * v / 2,
        )

    @property
    def gapped(self) -> Price:
        """A rung of the ladder: its paths, its classes, and which multisets it leaves."""
        v, k, d, out = self.v, self.k, self.d, self.out
        classes, multisets = self._multisets()
        whole = self._width
        paths = 0.5 * v * (v + out) * (d + self.e) + 150 * v * (v + out) + 300 * (v + d) * d * d
        brackets = 30 * v * (v + out) + 60 * v * v
        gaps = multisets * 8e3 + v * multisets * (classes + 8) * 2 * whole
        left = v * (_CALL + 15 * out + classes * v * 12)
        left += v * v / 2 * multisets * (0.5 * classes + 12)
        part = v * _CALL + v * v / 2 * multisets * 12
        each = k * (12 * classes + 80) * whole
        memory = v * multisets * (24.0 + 8 * classes + (200 if whole > 1 else 0))
        memory += v * v * (multisets / 16 + 8 * 6) + 8 * v * multisets * 6
        return Price(paths + brackets + gaps + left, each, part, memory + 8.0 * _PART * 6 * k)

    @property
    def brackets(self) -> float:
        """Those that foretell a screen, and PILOT looks by them."""
        return 60.0 * self.v * (self.v + self.out) + PILOT * 100.0 * self.k

    def copying(self, cubic: bool) -> Price:
        """The copying check of Theorem 4.20: its table, and a look at an input."""
        v, k, h, out = self.v, self.k, self.h, self.out
        once = 1.0 * h * v * (out * (8 * v if cubic else 20) + 10 * v)
        memory = 8.0 * h * (v * v * 2 + v * out * 2) + 8.0 * _ROWS * 8 * k
        return Price(once, 300.0 + h * (k * k * 40 + 120 * k), 0.0, memory)

    def entries(self, budget: int) -> Price:
        """All of `entries` with a budget of noise entries."""
        v, k, out = self.v, self.k, self.out
        n = min(float(budget), 3.0 * v * v + 2.0 * v * out)
        members = n * (3 * self.d + 600 + 5 * k) + min(8 * n, 3.0 * v * v) * 150
        choosing = 150 * (v * (200 + k * 30) + 1024 * k * 60 + 1e5)
        cases = (1 << 16) * (40 * k + 200)
        return Price(self._structure + members + choosing + cases, 0.0, 0.0, self._noisy(n))

    def counted_entries(self, noise: bool) -> Price:
        """Counting by cells, and bounds on all noise if that is asked for."""
        v, k, out = self.v, self.k, self.out
        wide = v.bit_length() * k / 8 if self._big(v) else 1.0
        cells = 8 * (v * 150 * 60 + 2 * k * v * 25 * 13 * 2 * wide)
        every = 0.5 * v * (v + 2 * out) * self.d + 30 * k * v * (v + out) if noise else 0.0
        return Price(self._structure + cells + every, 0.0, 0.0, self._noisy(0.0))

    @property
    def _structure(self) -> float:
        v, d, out = self.v, self.d, self.out
        products = 3 * (v + out) * d * (d + 20) + 200 * d * d * d + 512 * d * (d + v)
        return float(products + 40 * v * self.k)

    def _noisy(self, members: float) -> float:
        many = min(8 * members, max(3.0 * self.v * self.v, members))
        return 8.0 * ((self.v + self.out) * (self.d * 6 + 200) + 6 * many + (1 << 24))

    @property
    def _width(self) -> float:
        """How much longer a number takes: 1 where masses of inputs fit into 62 bits."""
        return _WIDE + self.k * self.total.bit_length() / 64 if self._big(self.total) else 1.0

    def _big(self, each: int) -> bool:
        return self.k * math.log2(each + 1) + math.log2(self.k) >= _BITS

    def _limbs(self, states: int) -> float:
        error = 32 * 2.0**-53 * math.log2(4 * states) * self.total * math.sqrt(states)
        return _BITS / max(math.floor(math.log2(0.25 / error)), 1)

    def _multisets(self) -> tuple[int, float]:
        """Of classes as narrow as they can be, hence as many."""
        classes = len(class_starts(self.v, self.k - 1, 0.0, 1.0))
        return classes, float(math.comb(self.k - 1 + classes - 1, self.k - 1))


def running(weights: Weights, inputs: Fraction | int) -> Work:
    """So many forward passes, which only a screen could tell."""
    v, k, d, e, h, out = weights.sizes
    prices = Prices(v, k, d, e, h, out, total=v)
    return Work(float(inputs) * prices.forward, prices.table_memory)
