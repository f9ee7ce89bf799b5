"""The random words behind every draw, from their definition (docs/theory.md, Theorem 1.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

_DOMAIN = b"probbound/stream/1"


def lengthened(units: np.ndarray, words: np.ndarray, bits: int) -> np.ndarray:
    """A number of each unit of 2^bits (n,), the low bits from `words` (n, ⌈bits / 64⌉)."""
    numbers = units.astype(object) if bits else units
    for column in words.T:
        taken = min(bits, 64)
        low = (column >> np.uint64(64 - taken)).astype(object)
        numbers, bits = (numbers << taken) + low, bits - taken
    return numbers


class Stream:
    """Philox4x64-10 words under a key made by SHA-256; word i depends on the key and i alone."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    @classmethod
    def of_seed(cls, seed: int) -> Stream:
        """The root of a seed."""
        return cls(hashlib.sha256(_DOMAIN + b"/seed/%d" % seed).digest()[:16])

    def named(self, *names: str) -> Stream:
        """The stream of a use, one name after the other."""
        key = self.key
        for name in names:
            key = hashlib.sha256(_DOMAIN + b"/fold/" + key + name.encode()).digest()[:16]
        return Stream(key)

    def words(self, start: int, stop: int) -> np.ndarray:
        """Words start … stop - 1, uint64 (n,); a block of the counter holds four."""
        first = start - start % 4
        source = np.random.Philox(counter=first // 4, key=int.from_bytes(self.key, "little"))
        return source.random_raw(stop - first)[start - first :]

    def below(self, bound: int, start: int, stop: int) -> np.ndarray:
        """Uniform integers in [0, bound), int64 (n,), number start … stop - 1.

        A word at or above the last multiple of `bound` gives way to the word of the same number
        of the stream named "retry".
        """
        stream, words, multiples = self, self.words(start, stop), 2**64 // bound * bound
        late = words > np.uint64(multiples - 1)
        while late.any():
            stream = stream.named("retry")
            words = np.where(late, stream.words(start, stop), words)
            late = words > np.uint64(multiples - 1)
        return (words % np.uint64(bound)).astype(np.int64)

    def chosen(self, odds: Sequence[int], start: int, stop: int) -> np.ndarray:
        """Choices number start … stop - 1 of what has such odds, whole and of any size (10.19).

        A number of ⌊bits of their sum / 64⌋ + 1 words, highest first, at or above the last
        multiple of the sum gives way to that of the stream named "retry".
        """
        total = sum(odds)
        if total in odds:
            return np.full(stop - start, odds.index(total), dtype=np.int64)
        each = 1 + total.bit_length() // 64
        unit = 2 ** (64 * each) // total
        ends = [unit * sum(odds[: j + 1]) for j in range(len(odds))]
        stream, found = self, np.zeros(stop - start, dtype=np.int64)
        late = np.ones(stop - start, dtype=bool)
        while late.any():
            words = stream.words(start * each, stop * each).reshape(-1, each)
            passed = len(ends) - sum(_under(words, end).astype(np.int64) for end in ends)
            found = np.where(late, passed, found)
            late = late & (passed == len(ends))
            stream = stream.named("retry")
        return found


def _under(words: np.ndarray, bound: int) -> np.ndarray:
    """Whether the number of each row of words (n, k), highest first, is less than a bound."""
    least = np.zeros(len(words), dtype=bool)
    if bound >> 64 * words.shape[1]:
        return ~least
    equal = ~least
    for word, digit in zip(words.T, _digits(bound, words.shape[1]), strict=True):
        least |= equal & (word < digit)
        equal &= word == digit
    return least


def _digits(number: int, count: int) -> np.ndarray:
    """Its words, highest first."""
    return np.frombuffer(number.to_bytes(8 * count, "big"), dtype=">u8").astype(np.uint64)
