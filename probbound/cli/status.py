"""From a command line to an exit status: 2 and one sentence on bad input, 130 if interrupted."""

from __future__ import annotations

import click

from probbound.cli.main import INTERRUPTED
from probbound.cli.output import stderr
from probbound.machine.errors import UserError
from probbound.machine.progress import progress_on


def status_of(command: click.Command, arguments: list[str], name: str) -> int:
    """Run a command with its progress bars on stderr; its exit status."""
    try:
        with progress_on(stderr):
            return command.main(arguments, prog_name=name, standalone_mode=False) or 0
    except UserError as error:
        return _refuse(str(error))
    except click.UsageError as error:
        return _refuse(f"{error.format_message().rstrip('.')}; {_where_help_is(error, name)}")
    except click.ClickException as error:
        return _refuse(error.format_message())
    except MemoryError as error:
        return _refuse(f"out of memory: {error}")
    except (KeyboardInterrupt, click.Abort):
        stderr.print("interrupted")
        return INTERRUPTED


def _where_help_is(error: click.UsageError, name: str) -> str:
    path = name if error.ctx is None else error.ctx.command_path
    return f"{path} --help shows how it is called"


def _refuse(sentence: str) -> int:
    one_line = " ".join(sentence.split())
    stderr.print(f"error: {one_line}", style="red", markup=False, highlight=False, soft_wrap=True)
    return 2
