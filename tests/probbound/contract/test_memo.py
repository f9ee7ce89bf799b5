"""A memo: what is there is free, what is interrupted is not there, and keys say what comes out."""

from dataclasses import dataclass, replace

import pytest

from probbound.contract.cost import CostMeter
from probbound.contract.memo import Key, Memo


@dataclass(frozen=True)
class Squares(Key[list[int]]):
    upto: int


@dataclass(frozen=True)
class Names(Key[str]):
    upto: int


def squares(upto):
    def build(meter):
        with meter.phase("squares", "proof", upto):
            return [number * number for number in range(upto)]

    return build


def test_whoever_adds_pays_and_whoever_finds_does_not():
    memo, first, second = Memo(), CostMeter(), CostMeter()
    made = memo.get(Squares(4), squares(4), first)
    assert memo.get(Squares(4), squares(4), second) is made == [0, 1, 4, 9]
    assert first.total().flops == 4
    assert not second.phases


def test_keys_are_told_apart_by_kind_and_by_every_field():
    memo, meter = Memo(), CostMeter()
    memo.get(Squares(4), squares(4), meter)
    assert memo.get(Names(4), lambda _: "four", meter) == "four"
    assert memo.get(Squares(3), squares(3), meter) == [0, 1, 4]
    assert memo.find(Squares(4)) == [0, 1, 4, 9]
    assert memo.find(Names(3)) is None


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError, ValueError])
def test_what_is_interrupted_is_neither_there_nor_booked(stop):
    memo, meter = Memo(), CostMeter()

    def stopped(meter):
        with meter.phase("squares", "proof", 4):
            raise stop

    with pytest.raises(stop):
        memo.get(Squares(4), stopped, meter)
    assert memo.find(Squares(4)) is None
    assert not meter.phases
    assert memo.get(Squares(4), squares(4), meter) == [0, 1, 4, 9]
    assert meter.total().flops == 4


def test_what_was_built_on_stays_when_the_rest_is_interrupted():
    memo, meter = Memo(), CostMeter()

    def named(meter):
        memo.get(Squares(4), squares(4), meter)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        memo.get(Names(4), named, meter)
    assert memo.find(Squares(4)) is not None
    assert memo.find(Names(4)) is None
    assert meter.total().flops == 4


@dataclass(frozen=True)
class Asked:
    subject: object
    memo: Memo

    def __post_init__(self):
        self.memo.belongs_to(self.subject)


def test_a_memo_is_of_one_subject_and_an_equal_one_is_another():
    asked = Asked([1, 2], Memo())
    assert replace(asked, subject=asked.subject).memo is asked.memo
    with pytest.raises(ValueError, match="give a question about another its own"):
        replace(asked, subject=[1, 2])
    assert replace(asked, subject=[1, 2], memo=Memo()).memo is not asked.memo
