"""What a transformer computes of one row, by loops over numbers of 40 digits, from the page."""

from typing import Any

import mpmath
from mpmath import mpf

mpmath.mp.dps = 40


def outcomes(said, arrays, row):
    """What comes out of every position of a row, as lists of numbers."""
    return Exact(said, arrays).outcomes([int(token) for token in row])


class Exact:
    def __init__(self, said, arrays):
        self.said = said
        self.arrays = {name: _lists(values) for name, values in arrays.items()}

    def get(self, name, size, otherwise=0):
        return self.arrays.get(name, [mpf(otherwise)] * size)

    def outcomes(self, row):
        said, d = self.said, self.said["d_model"]
        bias = self.get("embed.b_E", d)
        stream = [_plus(self.arrays["embed.W_E"][token], bias) for token in row]
        if said["positions"] == "learned":
            places = self.arrays["pos_embed.W_pos"]
            stream = [_plus(x, places[p]) for p, x in enumerate(stream)]
        if said["embedding_norm"]:
            stream = [self.norm(x, "embed.ln") for x in stream]
        for i in range(said["n_layers"]):
            stream = self.block(i, stream)
        if said["final_norm"]:
            stream = [self.norm(x, "ln_final") for x in stream]
        return [[_cap(n, said["logit_cap"]) for n in self.head(x)] for x in stream]

    def head(self, x):
        said = self.said
        if said["head"] == "none":
            return x
        if said["head"] == "masked":
            y = _affine(x, self.arrays["head.W"], self.get("head.b", len(x)))
            x = self.norm([self.activation(n) for n in y], "head.ln", "layer")
        return _affine(x, self.arrays["unembed.W_U"], self.get("unembed.b_U", said["d_out"]))

    def norm(self, x, name, kind=None):
        kind, n = kind or self.said["norm"], len(x)
        if kind == "none":
            return x
        mean = sum(x) / n if kind == "layer" else 0
        y = [number - mean for number in x]
        root = mpmath.sqrt(sum(number**2 for number in y) / n + mpf(self.said["norm_eps"]))
        weight, bias = self.get(f"{name}.w", n, 1), self.get(f"{name}.b", n)
        return [y[j] / root * weight[j] + bias[j] for j in range(n)]

    def activation(self, x):
        return {
            "relu": lambda: max(x, mpf(0)),
            "gelu": lambda: x * mpmath.ncdf(x),
            "gelu_tanh": lambda: (
                x * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpf("0.044715") * x**3))) / 2
            ),
            "silu": lambda: x / (1 + mpmath.exp(-x)),
        }[self.said["activation"]]()

    def block(self, i, stream):
        said, name = self.said, f"blocks.{i}."
        place, mlp = said["norm_place"], said["d_mlp"] > 0

        def norms(which, rows):
            return [self.norm(x, name + which) for x in rows]

        def sums(rows, others):
            return [_plus(x, y) for x, y in zip(rows, others, strict=True)]

        if place == "post":
            y = norms("ln1", sums(stream, self.attention(i, stream)))
            return norms("ln2", sums(y, self.mlp(i, y))) if mlp else y
        added = self.attention(i, norms("ln1", stream))
        if place == "both":
            added = norms("ln1_post", added)
        y = sums(stream, added)
        if not mlp:
            return y
        added = self.mlp(i, norms("ln2", stream if said["parallel"] else y))
        return sums(y, norms("ln2_post", added) if place == "both" else added)

    def mlp(self, i, rows):
        name, size, d = f"blocks.{i}.mlp.", self.said["d_mlp"], self.said["d_model"]
        found = []
        for x in rows:
            y = _affine(x, self.arrays[name + "W_in"], self.get(name + "b_in", size))
            if self.said["gated"]:
                gate = _affine(x, self.arrays[name + "W_gate"], self.get(name + "b_gate", size))
                middle = self.get(name + "b_mid", size)
                y = [self.activation(gate[j]) * y[j] + middle[j] for j in range(size)]
            else:
                y = [self.activation(number) for number in y]
            found.append(_affine(y, self.arrays[name + "W_out"], self.get(name + "b_out", d)))
        return found

    def attention(self, i, rows):
        said, name, e = self.said, f"blocks.{i}.attn.", self.said["d_head"]
        u = rows
        if said["positions"] == "shortformer":
            places = self.arrays["pos_embed.W_pos"]
            u = [_plus(x, places[p]) for p, x in enumerate(rows)]

        def side(part, head, x):
            bias = self.arrays.get(f"{name}b_{part}", [[mpf(0)] * e] * said["n_heads"])
            return _affine(x, self.arrays[f"{name}W_{part}"][head], bias[head])

        found = [list(self.get(name + "b_O", said["d_model"])) for _ in rows]
        for head in range(said["n_heads"]):
            group = head * said["n_key_value_heads"] // said["n_heads"]
            q = [self.turned(side("Q", head, x), p) for p, x in enumerate(u)]
            k = [self.turned(side("K", group, x), p) for p, x in enumerate(u)]
            z = [side("V", group, x) for x in rows]
            for p in range(len(rows)):
                seen = [s for s in range(len(rows)) if self.sees(i, p, s)]
                scores = [self.score(head, q[p], k[s], p - s) for s in seen]
                weights = [mpmath.exp(score - max(scores)) for score in scores]
                for j in range(e):
                    mixed = sum(w * z[s][j] for w, s in zip(weights, seen, strict=True))
                    onward = self.arrays[name + "W_O"][head][j]
                    for m in range(said["d_model"]):
                        found[p][m] += mixed / sum(weights) * onward[m]
        return found

    def sees(self, i, p, s):
        window = self.said["windows"][i]
        if self.said["causal"] and s > p:
            return False
        return window is None or abs(p - s) < window

    def score(self, head, q, k, distance):
        said = self.said
        found = sum(a * b for a, b in zip(q, k, strict=True)) / mpf(said["attn_scale"])
        found = _cap(found, said["score_cap"])
        return found - slope(head, said["n_heads"]) * abs(distance) if self.alibi else found

    @property
    def alibi(self):
        return self.said["positions"] == "alibi"

    def turned(self, x, p):
        """By complex numbers: a pair is multiplied by e^(iθ)."""
        said = self.said
        if said["positions"] != "rotary":
            return x
        half, found = said["rotary_dim"] // 2, list(x)
        for j in range(half):
            one, two = (j, j + half) if said["rotary_pairs"] == "halves" else (2 * j, 2 * j + 1)
            angle = p * mpf(said["rotary_base"]) ** (-mpf(j) / half)
            turned = mpmath.mpc(x[one], x[two]) * mpmath.expj(angle)
            found[one], found[two] = turned.real, turned.imag
        return found


def slope(head, heads):
    whole = 2 ** (heads.bit_length() - 1)
    if head < whole:
        return mpf(2) ** (mpf(-8) * (head + 1) / whole)
    return mpf(2) ** (mpf(-8) * (2 * (head - whole) + 1) / (2 * whole))


def _cap(x, cap):
    return x if cap is None else cap * mpmath.tanh(x / cap)


def _plus(x, y):
    return [a + b for a, b in zip(x, y, strict=True)]


def _affine(x, matrix, bias):
    columns = zip(*matrix, strict=True)
    return [mpmath.fdot(x, column) + b for column, b in zip(columns, bias, strict=True)]


def _lists(values) -> Any:
    return [mpf(float(v)) if v.ndim == 0 else _lists(v) for v in values]
