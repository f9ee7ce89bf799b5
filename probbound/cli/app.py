"""The commands: the composition root, the only place that may import from every room.

A command is loaded when it is called, so that asking what there is costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

import click

from probbound import __version__
from probbound.cli.loading import loading


class Entry(NamedTuple):
    """Where a command is, and the first sentence of its help."""

    module: str
    name: str
    summary: str


COMMANDS = {
    "demo": Entry(
        "probbound.cli.demo",
        "demo",
        "Certify two shipped transformers, next to the truth where it can be had.",
    ),
    "models": Entry(
        "probbound.cli.models",
        "models",
        "List the shipped models and what is known of them, or show what network MODEL is.",
    ),
    "train": Entry(
        "probbound.cli.train",
        "train",
        "Train a model of a task and report how it scores.",
    ),
    "import": Entry(
        "probbound.cli.import_model",
        "import_",
        "Convert SOURCE to what certify reads: .pth, .pt, .ckpt, .bin, .safetensors, .npz, or a "
        "folder of Hugging Face.",
    ),
    "certify": Entry(
        "probbound.cli.certify",
        "certify",
        "Bound the accuracy of MODEL, its margins or its loss, and certify the bound.",
    ),
    "plan": Entry(
        "probbound.cli.plan",
        "plan",
        "Predict the bound of every strategy for MODEL from a pilot, and pick the best.",
    ),
    "noise": Entry(
        "probbound.cli.noise",
        "noise",
        "Bound the noise of one path of MODEL by every method, side by side.",
    ),
    "verify": Entry(
        "probbound.cli.verify",
        "verify",
        "Check CERTIFICATE by a second implementation: exit 0 if it holds, 1 if it does not.",
    ),
    "show": Entry(
        "probbound.cli.show", "show", "Print CERTIFICATE as Markdown fit for a model card."
    ),
    "sweep": Entry(
        "probbound.cli.sweep",
        "sweep",
        "Certify every cell of a grid of settings, each kept in its own file.",
    ),
    "report": Entry(
        "probbound.cli.report.command",
        "report",
        "Make report.html, report.md, the figures and results.parquet from the cells of DIRECTORY.",
    ),
}


class _Lazy(click.Group):
    """A group whose commands are imported one by one, when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        with loading():
            return entry and getattr(import_module(entry.module), entry.name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=_Lazy, invoke_without_command=True, context_settings={"max_content_width": 100})
@click.version_option(__version__)
@click.pass_context
def app(context: click.Context) -> None:
    """High-confidence bounds on what a trained network does."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
