"""`probbound models`."""

from __future__ import annotations

from typing import Any

import click
from rich.table import Table

from probbound.cli.loading import loading
from probbound.cli.output import as_json_option, print_json, print_whole, stdout, table
from probbound.models.catalogue import ALIASES, Header, shipped_names
from probbound.models.registry import described, sizes_shown
from probbound.tasks.registry import usual_task


@click.command()
@click.argument("model", required=False)
@as_json_option
def models(model: str | None, as_json: bool) -> None:
    """List the shipped models and what is known of them, or show what network MODEL is."""
    if model is not None:
        _show(model, as_json=as_json)
        return
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


def _show(model: str, *, as_json: bool) -> None:
    """What network a file holds."""
    with loading():
        from probbound.models.registry import load, room_of
        from probbound.models.store import digest
    network = load(model)
    room = room_of(network)
    parts, sizes = room.parts(network), room.sizes(network)
    told = {
        "name": network.name,
        "network": room.kind,
        "parts": parts,
        "task": network.made_for or usual_task(room.kind) or None,
        "parameters": sum(int(array.size) for array in room.arrays(network).values()),
        "tokens": sizes.tokens,
        "length": sizes.length,
        "answers": sizes.answers,
        "sha256": digest(network),
    }
    if as_json:
        print_json(told)
        return
    most = "at most " * sizes.shorter
    for line in (
        f"{network.name}: {described({'kind': room.kind, 'parts': parts})}",
        f"kind: {room.kind}, {told['parameters']:,} parameters, SHA-256 {told['sha256'][:16]}…",
        f"reads: {most}{sizes.length:,} of {sizes.tokens:,} tokens, {sizes.answers:,} answers",
        f"task: {told['task'] or 'none that its file names; say it with --task'}",
    ):
        stdout.print(line, markup=False, soft_wrap=True)


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
