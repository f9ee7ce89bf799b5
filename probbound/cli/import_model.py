"""`probbound import`: another framework's network, once, as safetensors with its configuration."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from probbound.cli.loading import loading
from probbound.cli.output import as_json_option, print_json, stderr, stdout
from probbound.cli.references import in_words
from probbound.machine.errors import UserError
from probbound.machine.files import require_writable

if TYPE_CHECKING:
    from probbound.models.reference import Reference


@click.command("import")
@click.argument("source", type=Path)
@click.option("--out", type=Path, required=True, help="Write the model here (.safetensors).")
@click.option("--config", help="The configuration: its place in SOURCE (cfg), or a JSON file.")
@click.option("--weights", help="The place of the state dict in SOURCE, where there are several.")
@click.option("--kind", help="transformer: one layer of attention too, to ask it about rows.")
@click.option("--reference", type=Path, help=".npz of tokens and logits of your own framework.")
@as_json_option
def import_(
    source: Path,
    out: Path,
    config: str | None,
    weights: str | None,
    kind: str | None,
    reference: Path | None,
    as_json: bool,
) -> None:
    """Convert SOURCE to what certify reads: .pth, .pt, .ckpt, .bin, .safetensors, .npz, or a folder
    of Hugging Face.
    """
    with loading():
        from probbound.models.registry import described
        from probbound.models.store import digest, read_model

    if out.suffix != ".safetensors":
        raise UserError(f"--out must end in .safetensors, got {out}")
    require_writable(out)
    told, agreed = _written(source, out, config, weights, kind, reference)
    if digest(read_model(out)) != told["sha256"]:  # the network itself is no longer held
        raise UserError(f"{out} does not hold what was read from {source}")
    stderr.print(f"model written to {out}")
    if as_json:
        print_json({name: value for name, value in told.items() if name != "kind"})
        return
    network = {"kind": told["kind"], "parts": told["network"]}
    lines = [
        f"network: {described(network)}",
        f"configuration: {told['configuration'] or 'none in the file'}",
        f"weights: {told['weights']}, SHA-256 {told['sha256'][:16]}…",
    ]
    if told["prefix"]:
        lines.append(f"left out before every name: {told['prefix']}")
    if told["left_out"]:
        lines.append(f"left out: {', '.join(told['left_out'])}")
    if agreed is not None:
        lines.append(f"reference: {in_words(agreed)}")
    for line in lines:
        stdout.print(line, markup=False, soft_wrap=True)


def _written(
    source: Path,
    out: Path,
    config: str | None,
    weights: str | None,
    kind: str | None,
    reference: Path | None,
) -> tuple[dict[str, Any], Reference | None]:
    """What there is to say of the network in SOURCE, once it is in its file."""
    with loading():
        from probbound.models.importing import import_model
        from probbound.models.reference import agreement
        from probbound.models.registry import room_of
        from probbound.models.store import digest

    found = import_model(source, config, weights, kind)
    agreed = None if reference is None else agreement(found.model, reference)
    found.save(out)
    room = room_of(found.model)
    told = {
        "path": str(out),
        "sha256": digest(found.model),
        "kind": room.kind,
        "network": room.parts(found.model),
        "configuration": found.place,
        "weights": found.weights,
        "prefix": found.prefix,
        "left_out": list(found.left_out),
        "source": {"format": found.format, "sha256": found.sha256},
        **({} if agreed is None else {"reference": asdict(agreed)}),
    }
    return told, agreed
