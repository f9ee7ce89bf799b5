"""`probbound train`: a model of a recipe, its accuracy on sampled inputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probbound.cli.loading import loading
from probbound.cli.output import as_json_option, percent, print_json, stderr, stdout
from probbound.cli.whole import WHOLE
from probbound.machine.errors import UserError
from probbound.machine.files import require_writable
from probbound.models.recipes import RECIPES, Recipe, recipe_named

if TYPE_CHECKING:
    from probbound.contract.networks import Network
    from probbound.contract.tasks import Task
    from probbound.tasks.room import Room

REPORT_SAMPLES = 1 << 20


@click.command()
@click.argument("task")
@click.option("--out", type=Path, required=True, help="Write the model here (.safetensors).")
@click.option("--d-vocab", type=WHOLE, default=64, help="Number of tokens.", show_default=True)
@click.option(
    "--d-model", type=WHOLE, default=32, help="Width, also of the one head.", show_default=True
)
@click.option("--n-ctx", type=WHOLE, default=4, help="Number of positions, K.", show_default=True)
@click.option("--recipe", default="longer", help=f"One of {', '.join(RECIPES)}.", show_default=True)
@click.option("--steps", type=WHOLE, help="Instead of the recipe's own.")
@click.option(
    "--seed", type=WHOLE, default=0, help="Of initial weights and inputs.", show_default=True
)
@as_json_option
def train(
    task: str,
    out: Path,
    d_vocab: int,
    d_model: int,
    n_ctx: int,
    recipe: str,
    steps: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Train a model and report its accuracy on 2^20 sampled inputs."""
    with loading():
        from probbound.models.store import digest, save_model
        from probbound.tasks.registry import room_named

    room = room_named(task)
    if out.suffix != ".safetensors":
        raise UserError(f"--out must end in .safetensors, got {out}")
    require_writable(out)
    population, chosen = room.of_sizes(d_vocab, n_ctx), recipe_named(recipe, steps)
    model = room.train(population, d_model, chosen, seed, out.stem)
    record = training_record(room, model, population, chosen, seed)
    save_model(model, out, record)
    stderr.print(f"model written to {out}", markup=False, soft_wrap=True)
    if as_json:
        print_json({"path": str(out), "sha256": digest(model), **record})
    else:
        wrong, samples = record["wrong"], record["samples"]
        accuracy = percent(record["sampled_accuracy"])
        stdout.print(
            f"{out.stem}: {wrong:,} of {samples:,} sampled inputs wrong ({accuracy} right)",
            markup=False,
        )


def training_record(room: Room[Any], model: Network, task: Task, recipe: Recipe, seed: int) -> dict[str, Any]:
    """How the model was made and how it scores on fresh sampled inputs."""
    import jax

    from probbound.draws.random_streams import Stream
    from probbound.strategies.levels import Inputs, Row, look

    stream = Stream.from_seed(seed).fold_in("report")
    row = Row((), room.exact(model, task))
    seen = look(Inputs(task, stream), REPORT_SAMPLES, row, REPORT_SAMPLES, label="evaluating")
    return {
        "task": task.name,
        "recipe": recipe.name,
        "steps": recipe.steps,
        "batch": recipe.batch,
        "training_seed": seed,
        "jax": jax.__version__,
        "samples": REPORT_SAMPLES,
        "wrong": seen.failures,
        "sampled_accuracy": 1 - seen.failures / REPORT_SAMPLES,
    }
