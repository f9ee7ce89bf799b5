"""Progress bars that the library is silent about unless a front end asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        yield from progress.track(items, description=description)
