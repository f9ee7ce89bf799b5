"""Progress bars that the library is silent about unless a front end asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

T = TypeVar("T")
_console: ContextVar[Console | None] = ContextVar("progress_console", default=None)


@contextmanager
def progress_on(console: Console) -> Iterator[None]:
    """Show the bars of long work inside this block on `console`."""
    token = _console.set(console)
    try:
        yield
    finally:
        _console.reset(token)


def track(items: Sequence[T], description: str) -> Iterator[T]:
    """Iterate, with a bar where `progress_on` is in force."""
    console = _console.get()
    if console is None or not console.is_terminal:
        yield from items
        return
    with _bar(console) as progress:
        yield from progress.track(items, description=description)


@contextmanager
def counting(total: int, description: str) -> Iterator[Callable[[], None]]:
    """A bar that moves when the yielded function is called; bars of the work inside are silent."""
    console = _console.get()
    token = _console.set(None)
    try:
        if console is None or not console.is_terminal:
            yield lambda: None
            return
        with _bar(console) as progress:
            task = progress.add_task(description, total=total)
            yield lambda: progress.advance(task)
    finally:
        _console.reset(token)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
