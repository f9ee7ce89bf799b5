"""Counter-based randomness: word i of a stream depends on its key and i, on nothing else.

Philox4x64-10 as in NumPy, keyed by SHA-256, so that samples depend neither on chunk size nor on
the number of devices and a checker needs NumPy alone to reproduce them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, UInt64

from probbound.machine.errors import UserError

MOST_SEED_BITS = 1024
_DOMAIN = b"probbound/stream/1"
_WORDS_PER_BLOCK = 4


@dataclass(frozen=True)
class Stream:
    """An endless sequence of 64-bit words under a 128-bit key."""

    key: bytes

    @classmethod
    def from_seed(cls, seed: int) -> Stream:
        """The root stream of a user's seed.

        Raises:
            UserError: if the seed is negative, not an integer, or has more than MOST_SEED_BITS.
        """
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise UserError(f"seed must be a non-negative integer, got {seed!r}")
        if seed.bit_length() > MOST_SEED_BITS:
            raise UserError(
                f"seed must have at most {MOST_SEED_BITS} bits, got {seed.bit_length()}"
            )
        return cls(hashlib.sha256(_DOMAIN + b"/seed/" + str(seed).encode()).digest()[:16])

    def fold_in(self, name: str) -> Stream:
        """The stream of one named use: independent of this one and of every other name's."""
        return Stream(hashlib.sha256(_DOMAIN + b"/fold/" + self.key + name.encode()).digest()[:16])

    def words(self, start: int, stop: int) -> UInt64[np.ndarray, " n"]:
        """Words number `start` to `stop` - 1."""
        block, skip = divmod(start, _WORDS_PER_BLOCK)
        generator = np.random.Philox(counter=block, key=int.from_bytes(self.key, "little"))
        return generator.random_raw(skip + stop - start)[skip:]

    def integers(self, start: int, stop: int, bound: int) -> Int[np.ndarray, " n"]:
        """Uniform integers in [0, bound), exactly: a word past the last multiple is drawn anew.

        `bound` is at most 2^63. Entry i is word i modulo `bound`, of this stream or, as long as
        word i is rejected, of the stream folded with "retry" once more.
        """
        limit = (1 << 64) // bound * bound
        stream, words = self, self.words(start, stop)
        rejected = _at_least(words, limit)
        while rejected.any():
            stream = stream.fold_in("retry")
            words[rejected] = stream.words(start, stop)[rejected]
            rejected = _at_least(words, limit)
        multiples = words // np.uint64(bound)
        multiples *= np.uint64(bound)
        words -= multiples
        return words.view(np.int64)

    def generator(self) -> np.random.Generator:
        """NumPy's generator keyed by this stream, for laws other than the uniform integers.

        How it turns words into normal variates is NumPy's choice, and may change with its version.
        """
        return np.random.Generator(np.random.Philox(key=int.from_bytes(self.key, "little")))


def _at_least(words: UInt64[np.ndarray, " n"], limit: int) -> Bool[np.ndarray, " n"]:
    return words >= np.uint64(limit) if limit < 1 << 64 else np.zeros(len(words), dtype=bool)
