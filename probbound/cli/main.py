"""From the shell to an exit status; nothing is imported before an interruption can be answered."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    """Run a command; bad input is one sentence on stderr and exit status 2."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """The exit status of a command line."""
    try:
        from probbound.cli.app import app
        from probbound.cli.status import status_of

        return status_of(app, arguments, "probbound")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
