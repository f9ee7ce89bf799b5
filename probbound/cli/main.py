"""The command line: the composition root, the only place that may import from every room."""

from __future__ import annotations

import sys

import click

from probbound import __version__
from probbound.cli.certify import certify
from probbound.cli.demo import demo
from probbound.cli.import_model import import_
from probbound.cli.models import models, train
from probbound.cli.noise import noise
from probbound.cli.plan import plan
from probbound.cli.report.command import report
from probbound.cli.show import show
from probbound.cli.status import status_of
from probbound.cli.sweep import sweep
from probbound.cli.verify import verify


@click.group(context_settings={"max_content_width": 100})
@click.version_option(__version__)
def app() -> None:
    """High-confidence bounds on what a trained network does."""


for command in (demo, models, train, import_, certify, plan, noise, verify, show, sweep, report):
    app.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; bad input is one sentence on stderr and exit status 2."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """The exit status of a command line."""
    return status_of(app, arguments, "probbound")
