"""`probbound models`."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

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
    for task in dict.fromkeys(row["task"] for row in rows):
        print_whole(_listed(task, [row for row in rows if row["task"] == task]))
    for row in rows:
        if row["alias_of"]:
            stdout.print(f"* {row['name']} is another name of {row['alias_of']}")
    stdout.print("wrong: of the inputs looked at, an estimate and no bound", soft_wrap=True)


def _listed(task: str, rows: list[dict[str, Any]]) -> Table:
    """The models of one task, which are of one kind of network."""
    sizes = sizes_shown(rows[0]["network"])
    right = (*sizes, "wrong", "of inputs")
    title = f"{task} ({rows[0]['network']})"
    made = table("name", "recipe", *right, title=title, right=right)
    for row in rows:
        name = f"{row['name']} *" if row["alias_of"] else row["name"]
        numbers = [f"{row[number]:,}" for number in (*sizes, "wrong", "samples")]
        made.add_row(name, row["recipe"], *numbers)
    return made


def describe(name: str) -> dict[str, Any]:
    """What is known of a shipped model, from the header of its file."""
    header = Header.of(name)
    return {
        "name": name,
        "alias_of": ALIASES.get(name),
        "network": header.network,
        **header.record,
        **{key: told for key, told in header.configuration.items() if type(told) is int},
        "parameters": header.parameters,
        "sha256": header.sha256,
    }
