"""`python -m probbound.check CERTIFICATE WEIGHTS`: exit 0 holds, 1 does not, 2 unusable."""

from __future__ import annotations

import os
import signal
import sys

_USAGE = "python -m probbound.check CERTIFICATE WEIGHTS"
_STATUS = "exit status: 0 it holds, 1 it does not or cannot be shown, 2 a file cannot be read"


def main(arguments: list[str]) -> int:
    """The exit status of a command line."""
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(f"usage: {_USAGE}\n{_STATUS}\n")
        return 0
    if len(arguments) != 2:
        sys.stderr.write(f"error: give a certificate and a file of weights: {_USAGE}\n")
        return 2
    from probbound.check import Unusable, check

    try:
        report = check(*arguments)
    except Unusable as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for label, lines in (
        ("confirmed", report.confirmed),
        ("taken on trust", report.trusted),
        ("refused", report.refused),
    ):
        for line in lines:
            sys.stdout.write(f"{label}: {line}\n")
    sys.stdout.write("holds\n" if report.holds else "does not hold\n")
    return 0 if report.holds else 1


def _interrupted(*_: object) -> None:
    """Nothing is written that could be left in pieces, so that Ctrl-C may end all at once."""
    os.write(2, b"interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    sys.exit(main(sys.argv[1:]))
