"""`python -m probbound.check CERTIFICATE [WEIGHTS] [--patient]`: exit 0 if the claim holds."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import NoReturn

_PROGRAM = "python -m probbound.check"
_USAGE = (
    f"{_PROGRAM} [--reference FILE] [--data FILE] [--against FILE] [--replay FILE.py:NAME] "
    "[--patient] CERTIFICATE [WEIGHTS]"
)
_STATUS = (
    "exit status: 0 it holds, 1 it does not or cannot be shown, 2 a file cannot be read, 3 it was "
    "not checked, 4 (an own claim, or rows of a generator, without --replay) it holds if the "
    "counts are as stated"
)
_VERDICTS = {
    0: "holds",
    1: "does not hold",
    3: "not checked",
    4: "holds if the counts are as stated",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())
        self.exit(2, f"error: {message}: {usage}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(_PROGRAM, usage=_USAGE, epilog=_STATUS, allow_abbrev=False)
    parser.add_argument("certificate", metavar="CERTIFICATE")
    parser.add_argument(
        "weights",
        metavar="WEIGHTS",
        nargs="?",
        help="a .safetensors or .npz file, of a claim about a network",
    )
    parser.add_argument(
        "--reference", metavar="FILE", help="the .npz of logits that the certificate names"
    )
    parser.add_argument(
        "--replay",
        metavar="FILE.py:NAME",
        help="of an own claim or a generator of rows: EXECUTE that file, and ask its object NAME "
        "again",
    )
    parser.add_argument("--data", metavar="FILE", help="the rows that a claim is about")
    parser.add_argument(
        "--against", metavar="FILE", help="the weights that have to answer the same"
    )
    parser.add_argument(
        "--patient",
        action="store_true",
        help="also check what takes longer than ten minutes or more than 8 GiB",
    )
    return parser


def main(arguments: list[str]) -> int:
    """The exit status of a command line."""
    asked = _parser().parse_args(arguments)
    from probbound.check import Unusable, check

    try:
        report = check(
            asked.certificate,
            asked.weights,
            asked.reference,
            replay=asked.replay,
            data=asked.data,
            against=asked.against,
            patient=asked.patient,
        )
    except Unusable as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for label, lines in (
        ("confirmed", report.confirmed),
        ("taken on trust", report.trusted),
        ("depends on", report.assumed if report.follows else ()),
        ("refused", report.refused),
        ("work", [report.work] if report.work and not report.declined else []),
        ("not checked", report.declined),
    ):
        for line in lines:
            sys.stdout.write(f"{label}: {line}\n")
    sys.stdout.write(f"{_VERDICTS[report.status]}\n")
    return report.status


def _interrupted(*_: object) -> None:
    """Nothing is written that could be left in pieces, so that Ctrl-C may end all at once."""
    os.write(2, b"interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    sys.exit(main(sys.argv[1:]))
