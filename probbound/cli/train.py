"""`probbound train`: a model of a task, and how it scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from probbound.cli.loading import loading
from probbound.cli.output import as_json_option, percent, print_json, stderr, stdout
from probbound.cli.whole import WHOLE
from probbound.machine.errors import UserError
from probbound.machine.files import require_writable
from probbound.tasks.registry import task_names, training_options
from probbound.tasks.trainable import Option


class _Tasks(click.Group):
    """A command for each task, with the options that its room says a training has."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return task_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        task, options = cmd_name, training_options(cmd_name)
        command = click.command(task)(as_json_option(_told(task)))
        command.params += [_parameter(option) for option in options]
        command.params.append(
            click.Option(["--out"], type=Path, required=True, help="Write it here (.safetensors).")
        )
        command.help = f"Train a model of {task} and report how it scores."
        return command


@click.group(cls=_Tasks)
def train() -> None:
    """Train a model of a task and report how it scores."""


def _parameter(option: Option) -> click.Option:
    """An option of the command line; a whole number, a number, a text or a switch."""
    flag, default = f"--{option.name.replace('_', '-')}", option.default
    if isinstance(default, bool):
        return click.Option([flag], is_flag=True, help=option.help)
    kinds: dict[type, Any] = {int: WHOLE, float: float, str: str, type(None): WHOLE}
    shown = default is not None
    kind = kinds[type(default)]
    return click.Option([flag], type=kind, default=default, help=option.help, show_default=shown)


def _told(task: str) -> Any:
    """What a command runs: train under the options, save, and say how the model scores."""

    def run(out: Path, as_json: bool, **options: Any) -> None:
        with loading():
            from probbound.models.store import digest, save_model
            from probbound.tasks.registry import room_named

        if out.suffix != ".safetensors":
            raise UserError(f"--out must end in .safetensors, got {out}")
        require_writable(out)
        model, record = room_named(task).train(options, out.stem)
        save_model(model, out, record)
        stderr.print(f"model written to {out}", markup=False, soft_wrap=True)
        if as_json:
            print_json({"path": str(out), "sha256": digest(model), **record})
            return
        wrong, samples = record["wrong"], record["samples"]
        right = percent(1 - wrong / samples)
        looked = "sampled inputs" if "sampled_accuracy" in record else "inputs, all there are,"
        stdout.print(
            f"{out.stem}: {wrong:,} of {samples:,} {looked} wrong ({right} right)", markup=False
        )

    return run
