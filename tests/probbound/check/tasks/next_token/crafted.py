"""Certificates of losses and divergences over rows, their numbers from the definitions alone.

What they share with every certificate over rows (weights, versions, costs) is that of an accuracy.
"""

import copy
import math
from functools import cache
from typing import Any

import mpmath
import numpy as np

import probbound
from estimators.mean import betting
from probbound.certificates.format import sealed
from probbound.check.digits import ceiling
from probbound.check.judge import derived_seed
from probbound.check.own.intervals import most_share
from probbound.check.stream import Stream
from tests.probbound.check.models.transformer.test_largest_loss import wanted
from tests.probbound.tasks.next_token import rows

DELTA, AGREED = 0.1, 2.0**-24
ROWS = {"enumerated": rows.NUMBER, "sampled": 30}
LAWS = {"enumerated": None, "sampled": {"law": "without replacement"}}
OTHER = rows.model("other", 0.05)


@cache
def logits(of_other):
    """Of every row, by the definition, as float64 (the digits beyond decide nothing here)."""
    made = OTHER if of_other else rows.model()
    return np.stack([rows.logits(made, row) for row in rows.tokens()])


def losses(arithmetic):
    """Of every row, as the arithmetic has them."""
    values, labels = logits(False), rows.tokens()[:, -1]
    gaps = values - values[np.arange(len(labels)), labels][:, None]
    if arithmetic == "float64":
        agreed = AGREED * abs(values).max(axis=1, keepdims=True)
        gaps = np.where(np.arange(6) == labels[:, None], 0.0, gaps + agreed)
    return np.logaddexp.reduce(gaps, axis=1)


def largest():
    """C of the theorem, with what it adds for rounding."""
    arrays = rows.model().arrays
    with mpmath.workdps(30):
        least = float(wanted(rows.SAID, arrays, "ln_final"))
    weight, bias, matrix, last = (
        np.asarray(arrays[name], dtype=np.float64)
        for name in ("ln_final.w", "ln_final.b", "unembed.W_U", "unembed.b_U")
    )
    lengths = np.linalg.norm(matrix, axis=0).max()
    sizes = 1 + 2 * np.linalg.norm(weight[:, None] * matrix, axis=0).max()
    sizes += abs(bias @ matrix + last).max() + np.linalg.norm(bias) * lengths + abs(last).max()
    return least * (1 + 2.0**-20) + 2.0**-20 * float(sizes)


def divergences():
    """K(other ‖ network) at every row."""
    p, q = (
        v - np.logaddexp.reduce(v, axis=1, keepdims=True) for v in (logits(True), logits(False))
    )
    return (np.exp(p) * (p - q)).sum(axis=1)


def drawn(seed):
    """The rows that are looked at, by 7.1."""
    stream = Stream.of_seed(seed).named("certify").named("rows")
    numbers = list(dict.fromkeys(stream.below(rows.NUMBER, 0, 2000).tolist()))
    return np.array(numbers[: ROWS["sampled"]])


def asked(kind, at, mode, arithmetic) -> dict[str, Any]:
    """A question without its answer."""
    against = OTHER if kind == "kl" else None
    task = rows.task(arithmetic=arithmetic, against=against)
    made = probbound.certify(rows.model(), task, strategy="brute-force", delta=DELTA).to_json()
    found = copy.deepcopy({k: v for k, v in made.items() if k not in ("hex", "self_sha256")})
    recipe = {"levels": [{"level": "forward pass", "mode": mode}], "law": LAWS[mode]}
    budget = None if mode == "enumerated" else ROWS[mode]
    found |= {"recipe": recipe, "budget": budget, "ran": {"recipe": recipe, "budget": budget}}
    found["claim"] |= {"kind": kind, "at": at}
    return found | {"seed": derived_seed(found)}


def answered(found, mode, level, spends, drawn_row):
    """With what every answer has."""
    delta = math.fsum(spend[3] for spend in spends)
    names = ("statement", "method", "theorem", "delta", "samples")
    ledger = [dict(zip(names, s, strict=True)) | {"log_delta": math.log(s[3])} for s in spends]
    share, samples, failures = level
    found |= {
        "guarantee": "high-probability" if spends else "deterministic",
        "delta": delta,
        "ledger": ledger,
        "levels": [
            {
                "check": "forward pass",
                "mode": mode,
                "share_upper": share,
                "samples": samples,
                "failures": failures,
                "log_delta": math.log(delta) if spends else None,
            }
        ],
    }
    found["sampling"] |= dict(zip(("draws", "samples", "failures"), drawn_row, strict=True))
    found["sampling"] |= {"replace": False, "mean_loss": None}
    return found


def loss(at=None, mode="sampled", arithmetic="real", raised=1.0):
    """A certificate of a mean loss at `raised` times the largest loss."""
    found, most = asked("loss", at, mode, arithmetic), raised * (at or largest())
    values = np.minimum(losses(arithmetic), most)
    if mode == "enumerated":
        bound = math.fsum(values) / len(values) * (1 + 1e-11)
        answered(found, mode, (min(bound / most, 1.0), 0, 0), (), (0, 0, None))
    else:
        values = values[drawn(found["seed"])] * (1 + 1e-11)
        n, seen = len(values), float(values.mean())
        bound = float(
            betting(
                np.minimum(values, most),
                delta=DELTA,
                low=0.0,
                high=most,
                side="upper",
                population=rows.NUMBER,
                planned=n,
            ).upper
        )
        share = bound / most
        statement = (
            f"{n} losses, at most {ceiling(most, 6):.6g} each, have a mean of at most "
            f"{ceiling(seen, 6):.6g}, so that of all they were drawn from is at most "
            f"{ceiling(share * most, 6):.6g}"
        )
        spends = ((statement, "betting", "9.10", DELTA, n),)
        answered(found, mode, (share, n, 0), spends, (n, n, None))
        found["sampling"]["mean_loss"] = seen
    certain = bound if mode == "enumerated" else most
    found["proof"] |= {"certified_mass": None, "loss_upper": certain, "largest_loss": most}
    delta = found["delta"]
    weighted = max((1 - delta) * bound + delta * certain, bound)
    return sealed(found | {"bound": bound, "failure_upper": None, "confidence_weighted": weighted})


def near(at=0.03, mode="sampled", arithmetic="real"):
    """A certificate of the share of rows within `at` of the other network."""
    found, n = asked("kl", at, mode, arithmetic), ROWS[mode]
    fails = divergences() > at
    if mode == "enumerated":
        failure = math.nextafter(float(fails.mean()), 1.0)
        answered(found, mode, (failure, 0, 0), (), (0, 0, 0))
    else:
        k = int(fails[drawn(found["seed"])].sum())
        main, reserve = 0.99 * DELTA, 0.01 * DELTA
        failure = float(most_share(k, n, rows.NUMBER, main, at_any_time=False))
        failure = math.nextafter(failure, 1.0)
        law = "uniform-mixture hypergeometric, should drawing be interrupted"
        statement = f"{k} of {n} different ones of {rows.NUMBER} failed"
        spends = (
            (statement, "hypergeometric at the planned number of draws", "9.5", main, n),
            (statement, law, "9.5", reserve, n),
        )
        answered(found, mode, (failure, n, k), spends, (n, n, k))
    bound = math.nextafter(1 - failure, 0.0)
    mass = 0.0 if mode == "sampled" else bound
    found["proof"] |= {"certified_mass": mass, "loss_upper": None, "largest_loss": None}
    delta = found["delta"]
    weighted = min((1 - delta) * bound + delta * mass, bound)
    return sealed(
        found | {"bound": bound, "failure_upper": failure, "confidence_weighted": weighted}
    )
