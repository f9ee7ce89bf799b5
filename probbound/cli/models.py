"""`probbound models`."""

from __future__ import annotations

from typing import Any

import click

from probbound.cli.output import as_json_option, print_json, print_whole, stdout, table
from probbound.models.catalogue import ALIASES, Header, shipped_names


@click.command()
@as_json_option
def models(as_json: bool) -> None:
    """List the shipped models and what is known of them."""
    rows = [describe(name) for name in shipped_names()]
    if as_json:
        print_json({"models": rows})
        return
    numeric = ("d_vocab", "n_ctx", "d_model", "wrong")
    made = table("name", "recipe", *numeric, right=numeric)
    for row in rows:
        name = f"{row['name']} *" if row["alias_of"] else row["name"]
        made.add_row(name, row["recipe"], *(f"{row[column]:,}" for column in numeric))
    print_whole(made)
    for row in rows:
        if row["alias_of"]:
            stdout.print(f"* {row['name']} is another name of {row['alias_of']}")
    (samples,) = {row["samples"] for row in rows}
    stdout.print(f"wrong: of {samples:,} sampled inputs, an estimate and no bound", soft_wrap=True)


def describe(name: str) -> dict[str, Any]:
    """What is known of a shipped model, from the header of its file."""
    header = Header.of(name)
    n_heads, d_model, _ = header.shapes["blocks.0.attn.W_Q"]
    return {
        "name": name,
        "alias_of": ALIASES.get(name),
        "d_vocab": header.shapes["embed.W_E"][0],
        "n_ctx": header.shapes["pos_embed.W_pos"][0],
        "d_model": d_model,
        "n_heads": n_heads,
        "parameters": header.parameters,
        **header.record,
        "sha256": header.sha256,
    }
