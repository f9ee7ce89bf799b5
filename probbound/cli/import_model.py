"""`probbound import`: another framework's network, once, as safetensors with its configuration."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from probbound.cli.loading import loading
from probbound.cli.output import as_json_option, print_json, stderr, stdout
from probbound.cli.references import in_words
from probbound.machine.errors import UserError
from probbound.machine.files import require_writable


@click.command("import")
@click.argument("source", type=Path)
@click.option("--out", type=Path, required=True, help="Write the model here (.safetensors).")
@click.option("--config", help="The configuration: its place in SOURCE (cfg), or a JSON file.")
@click.option("--weights", help="The place of the state dict in SOURCE, where there are several.")
@click.option("--reference", type=Path, help=".npz of tokens and logits of your own framework.")
@as_json_option
def import_(
    source: Path,
    out: Path,
    config: str | None,
    weights: str | None,
    reference: Path | None,
    as_json: bool,
) -> None:
    """Convert SOURCE to what certify reads: .pth, .pt, .ckpt, .bin, .safetensors, .npz, or a folder
    of Hugging Face.
    """
    with loading():
        from probbound.models.importing import import_model
        from probbound.models.reference import agreement
        from probbound.models.registry import described, room_of
        from probbound.models.store import digest, read_model

    if out.suffix != ".safetensors":
        raise UserError(f"--out must end in .safetensors, got {out}")
    require_writable(out)
    found = import_model(source, config, weights)
    agreed = None if reference is None else agreement(found.model, reference)
    found.save(out)
    sha256 = digest(read_model(out))
    if sha256 != digest(found.model):
        raise UserError(f"{out} does not hold what was read from {source}")
    stderr.print(f"model written to {out}")
    room, place = room_of(found.model), found.place
    network = room.parts(found.model)
    if as_json:
        print_json(
            {
                "path": str(out),
                "sha256": sha256,
                "network": network,
                "configuration": place,
                "weights": found.weights,
                "prefix": found.prefix,
                "left_out": list(found.left_out),
                "source": {"format": found.format, "sha256": found.sha256},
                **({} if agreed is None else {"reference": asdict(agreed)}),
            }
        )
        return
    lines = [
        f"network: {described({'kind': room.kind, 'parts': network})}",
        f"configuration: {place or 'none in the file'}",
        f"weights: {found.weights}, SHA-256 {sha256[:16]}…",
    ]
    if found.prefix:
        lines.append(f"left out before every name: {found.prefix}")
    if found.left_out:
        lines.append(f"left out: {', '.join(found.left_out)}")
    if agreed is not None:
        lines.append(f"reference: {in_words(agreed)}")
    for line in lines:
        stdout.print(line, markup=False, soft_wrap=True)
