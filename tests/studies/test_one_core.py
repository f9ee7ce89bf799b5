"""A process of one thread for what is to be timed."""

from __future__ import annotations

import os
from threading import get_ident

import pytest

from probbound.machine.errors import UserError
from probbound.machine.parallel import parallel_map
from studies.one_core import on_one_core


def told(name: str) -> tuple[str | None, int, int]:
    """A variable of the process that this runs in, the process, and the threads of a map."""
    threads = set(parallel_map(lambda _: get_ident(), range(20), ""))
    return os.environ.get(name), os.getpid(), len(threads)


def refusing() -> None:
    """Nothing but a refusal."""
    raise UserError("no")


def test_it_runs_elsewhere_on_one_thread_and_leaves_this_process_as_it_was():
    before = dict(os.environ)
    threads, process, used = on_one_core(told, "OPENBLAS_NUM_THREADS")
    assert (threads, used) == ("1", 1)
    assert process != os.getpid()
    assert dict(os.environ) == before


def test_a_refusal_comes_back():
    with pytest.raises(UserError, match="no"):
        on_one_core(refusing)
