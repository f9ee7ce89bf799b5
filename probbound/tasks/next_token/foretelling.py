"""Forecasts over rows for `probbound plan`: what "auto" would do, and what a pilot says of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from probbound.arithmetic.decimals import upper
from probbound.contract.claims import ACCURACY
from probbound.contract.cost import CostMeter
from probbound.machine.errors import UserError
from probbound.planning.forecast import Forecast, largest, share_seen
from probbound.planning.foretold import Foretold, Wish
from probbound.tasks.given import Given
from probbound.tasks.next_token.asking import asked
from probbound.tasks.next_token.grammar import BRUTE_FORCE, IID
from probbound.tasks.next_token.planning import chosen, row_price
from probbound.tasks.next_token.question import RowQuestion

PILOT, MOST_PILOT, TIMED = 256, 1024, 16
_SPENT = {"flops": "operations", "seconds": "seconds"}
_PILOT_SHARE = 10  # a pilot takes one part in so many of what is to be spent


@dataclass(frozen=True)
class _Price:
    """What a row costs, and what is paid once, in operations or seconds; and rows that it buys."""

    row: int | float
    once: int | float
    looks: int


def foretold(model: object, wish: Wish) -> Foretold:
    """What the looks at rows that "auto" would choose are predicted to give.

    The rows of the pilot are drawn with randomness of their own; no budget pays for them, and
    nothing that they show is used in a certificate.

    Raises:
        UserError: if the network cannot be used, δ is to be chosen, no row is paid for, the claim
            is no accuracy, or no number of rows is foretold to reach the target.
    """
    wish.require_accuracy()
    if wish.delta is None:
        raise UserError("over rows δ is not chosen by a plan; give --delta a number")
    question, meter = _question(model, wish), CostMeter()
    price = {"flops": _in_flops, "seconds": _in_seconds, "target": _of_all}[wish.unit]
    found = price(question, wish.amount)
    if found.looks < 1:
        raise UserError(
            f"{wish.amount:g} {_SPENT[wish.unit]} pay for no look at a row: one is planned to take "
            f"{found.row:.3g}, and {found.once:.3g} are taken once"
        )
    number = _pilot(wish, found.looks)
    failed = _failures(question, number, meter)
    wrong = share_seen(failed, number) if number else None
    looks = found.looks
    if wish.unit == "target":
        looks = _enough(question, wish.amount, wrong or 0.0)
    forecast = _forecast(question, looks, found, 0.5 if wrong is None else wrong)
    return Foretold(
        forecasts=[forecast],
        pilot={"rows": number, "wrong": wrong, "row_price": found.row},
        left={},
        wrong=wrong,
        flops=meter.total().flops,
        unseen="never looked at",
        said=tuple(_said(question, looks, row_price(question))),
    )


def _question(model: object, wish: Wish) -> RowQuestion:
    return asked(
        *(model, wish.inputs, ACCURACY, IID),
        Given(0, wish.delta, wish.seed),
    )


def _in_flops(question: RowQuestion, amount: float) -> _Price:
    """As "auto" counts them."""
    _, planned = chosen(replace(question, budget_flops=amount), CostMeter())
    return _Price(row_price(question), question.once_flops, planned.budget)


def _in_seconds(question: RowQuestion, amount: float) -> _Price:
    """As they pass on this machine, on a few rows."""
    rows = _drawn(question, "timing", TIMED)
    started = time.perf_counter()
    check = question.exact
    once = time.perf_counter() - started
    check.uncertified(rows)  # which compiles it
    started = time.perf_counter()
    check.uncertified(rows)
    row = (time.perf_counter() - started) / len(rows)
    looks = max(0, math.floor((amount - once) / row))
    return _Price(row, once, min(looks, question.task.rows.most))


def _of_all(question: RowQuestion, target: float) -> _Price:
    """In operations, and every row may be looked at."""
    return _Price(row_price(question), question.once_flops, question.task.rows.most)


def _pilot(wish: Wish, looks: int) -> int:
    """How many rows are looked at beforehand."""
    if wish.unit == "target":
        return min(looks, MOST_PILOT, max(PILOT, math.ceil(2 / wish.amount)))
    return min(PILOT, looks // _PILOT_SHARE)


def _failures(question: RowQuestion, number: int, meter: CostMeter) -> int:
    if not number:
        return 0
    with meter.phase("pilot", "sampling", number * question.exact.flops):
        return int(question.exact.uncertified(_drawn(question, "pilot", number)).sum())


def _drawn(question: RowQuestion, what: str, number: int) -> Int[np.ndarray, "n length"]:
    return question.task.sample(question.stream.fold_in("plan").fold_in(what), 0, number)


def _bound(question: RowQuestion, failures: int, looks: int) -> float:
    law = question.task.rows.bounding(question.delta, anytime=False)
    return law.bound(failures, looks, interrupted=False).share_upper


def _enough(question: RowQuestion, target: float, wrong: float) -> int:
    """The fewest looks that are foretold to certify a failure rate; all, if no fewer do.

    Raises:
        UserError: if more rows are estimated to fail.
    """
    size = question.task.rows.most

    def too_few(looks: int) -> bool:
        return looks < 1 or _bound(question, round(wrong * looks), looks) > target

    if wrong > target:
        raise UserError(
            f"an estimated share of {wrong:.1e} of the rows fails, so that no number of looks is "
            f"foretold to certify {target:g}"
        )
    return largest(lambda looks: looks < size and too_few(looks), size) + 1


def _forecast(question: RowQuestion, looks: int, price: _Price, wrong: float) -> Forecast:
    cost = float(price.once + looks * price.row)
    if _every(question, looks):
        return Forecast(BRUTE_FORCE, wrong, cost, weighted=wrong)
    failure, delta = _bound(question, round(wrong * looks), looks), question.delta
    weighted = (1 - delta) * failure + delta
    return Forecast(IID, failure, cost, looks, delta=delta, weighted=weighted)


def _every(question: RowQuestion, looks: int) -> bool:
    size = question.task.size
    return size is not None and looks >= size


def _said(question: RowQuestion, looks: int, price: int) -> list[str]:
    size = question.task.size
    if _every(question, looks):
        return [f"All {looks:,} rows are looked at, and the claim is exact."]
    least = _bound(question, 0, looks)
    rows = "draws" if size is None else f"of {size:,} rows"
    return [
        f"{looks:,} {rows} are looked at, at a planned price of {price:,} operations "
        "each; should none of them fail, a failure rate of at most "
        f"{upper(least, 2, 'e') if least else 0} is certified."
    ]
