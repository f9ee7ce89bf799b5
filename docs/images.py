"""Draws the README's picture from what `probbound demo` really prints: python docs/images.py."""

from pathlib import Path

from rich.console import Console

from probbound.cli import demo

console = Console(record=True, width=82, force_terminal=True, highlight=False)
demo.stdout = console
demo.demo.callback()
console.save_svg(str(Path(__file__).parent / "img" / "demo.svg"), title="probbound demo")
