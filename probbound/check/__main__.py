"""`python -m probbound.check CERTIFICATE WEIGHTS [--patient]`: exit 0 if the claim holds."""

from __future__ import annotations

import sys

from probbound.check import Unusable, check

_USAGE = "python -m probbound.check CERTIFICATE WEIGHTS"
_PATIENT = "--patient also checks what takes longer than ten minutes or more than 8 GiB"
_STATUS = (
    "exit status: 0 it holds, 1 it does not or cannot be shown, 2 a file cannot be read, 3 it was "
    "not checked"
)


def main(arguments: list[str]) -> int:
    """The exit status of a command line."""
    if arguments in (["--help"], ["-h"]):
        sys.stdout.write(f"usage: {_USAGE}\n{_PATIENT}\n{_STATUS}\n")
        return 0
    files = [argument for argument in arguments if argument != "--patient"]
    if len(files) != 2:
        sys.stderr.write(f"error: give a certificate and a file of weights: {_USAGE}\n")
        return 2
    try:
        report = check(*files, patient=len(files) < len(arguments))
    except Unusable as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for label, lines in (
        ("confirmed", report.confirmed),
        ("taken on trust", report.trusted),
        ("refused", report.refused),
        ("work", [report.work] if report.work and not report.declined else []),
        ("not checked", report.declined),
    ):
        for line in lines:
            sys.stdout.write(f"{label}: {line}\n")
    verdict = {0: "holds", 1: "does not hold", 3: "not checked"}[report.status]
    sys.stdout.write(f"{verdict}\n")
    return report.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
