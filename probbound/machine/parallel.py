"""The same function over many items, on all cores, results in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from probbound.machine.progress import track

A = TypeVar("A")
B = TypeVar("B")
_most_threads: ContextVar[int | None] = ContextVar("most_threads", default=None)


@contextmanager
def at_most_threads(number: int | None) -> Iterator[None]:
    """Let `parallel_map` use no more threads inside this block; None lets it use all cores."""
    token = _most_threads.set(number)
    try:
        yield
    finally:
        _most_threads.reset(token)


def parallel_map(function: Callable[[A], B], items: Sequence[A], description: str) -> Iterator[B]:
    """Like `map`, on threads (NumPy releases the interpreter lock), with a progress bar.

    Submits a few items ahead of the one yielded, so that results never pile up in memory.
    """
    workers = _most_threads.get() or os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        ahead = [pool.submit(function, item) for item in items[: 2 * workers]]
        try:
            for number in track(range(len(items)), description):
                following = number + 2 * workers
                if following < len(items):
                    ahead.append(pool.submit(function, items[following]))
                yield ahead.pop(0).result()
        finally:
            for future in ahead:
                future.cancel()
