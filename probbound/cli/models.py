"""`probbound models`."""

from __future__ import annotations

from typing import Any

import click

from probbound.cli.output import as_json_option, print_json, print_whole, stdout, table
from probbound.models.catalogue import ALIASES, Header, shipped_names
from probbound.models.registry import sizes_shown


@click.command()
@as_json_option
def models(as_json: bool) -> None:
    """List the shipped models and what is known of them."""
    rows = [describe(name) for name in shipped_names()]
    if as_json:
        print_json({"models": rows})
        return
    right = ("wrong", "of inputs looked at")
    made = table("name", "task", "recipe", "sizes", *right, right=right)
    for row in rows:
        name = f"{row['name']} *" if row["alias_of"] else row["name"]
        shown = sizes_shown(row["network"])
        sizes = ", ".join(f"{size} {row[size]:,}" for size in shown)
        seen = (f"{row['wrong']:,}", f"{row['samples']:,}")
        made.add_row(name, row["task"], row["recipe"], sizes, *seen)
    print_whole(made)
    for row in rows:
        if row["alias_of"]:
            stdout.print(f"* {row['name']} is another name of {row['alias_of']}")
    stdout.print("wrong: of sampled inputs, an estimate and no bound", soft_wrap=True)


def describe(name: str) -> dict[str, Any]:
    """What is known of a shipped model, from the header of its file."""
    header = Header.of(name)
    return {
        "name": name,
        "alias_of": ALIASES.get(name),
        "network": header.network,
        **{key: told for key, told in header.configuration.items() if type(told) is int},
        "parameters": header.parameters,
        **header.record,
        "sha256": header.sha256,
    }
