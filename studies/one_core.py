"""A function in a process of one thread, so that CPU seconds are those of one core at work."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import ParamSpec, TypeVar

from probbound.machine.parallel import at_most_threads
from probbound.sweeps.local import processes_of_one_thread

P = ParamSpec("P")
R = TypeVar("R")


def on_one_core(function: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
    """What a function of a module gives; it, its arguments and its result can be pickled."""
    with (
        processes_of_one_thread(),
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process,
    ):
        return process.submit(_alone, function, *given, **named).result()


def _alone(function: Callable[P, R], *given: P.args, **named: P.kwargs) -> R:
    with at_most_threads(1):
        return function(*given, **named)
