"""From the shell to an exit status; nothing is imported before an interruption can be answered."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit; bad input is one sentence on stderr and exit status 2.

    An interrupted process ends without the clean-up of modules that were caught at work: JAX's
    has been seen to crash.
    """
    status = run(sys.argv[1:] if arguments is None else arguments)
    if status == INTERRUPTED:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INTERRUPTED)
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """The exit status of a command line."""
    try:
        from probbound.cli.loading import loading

        with loading():
            from probbound.cli.app import app
            from probbound.cli.status import status_of

        return status_of(app, arguments, "probbound")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
