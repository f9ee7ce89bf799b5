"""A name that stands twice in JSON is refused by every reader that makes something of it."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

import probbound
from probbound.machine.errors import UserError
from probbound.machine.json_objects import named_once

SOURCES = Path(probbound.__file__).parent


def parsed(text: str):
    return json.loads(text, object_pairs_hook=named_once)


@pytest.mark.parametrize("text", ["{}", '{"a": 1, "b": {"a": 2}}', '[{"a": 1}, {"a": 2}]'])
def test_objects_whose_names_differ_are_what_they_were(text):
    assert parsed(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 1}', '{"b": [{"a": 1, "c": 0, "a": 2}]}', '{"a": 1, "\\u0061": 2}'],
)
def test_a_name_that_stands_twice_is_named(text):
    with pytest.raises(UserError, match="the name 'a' stands twice in one object"):
        parsed(text)


def test_a_long_name_is_cut():
    name = "x" * 10_000
    with pytest.raises(UserError) as caught:
        parsed(json.dumps({name: 1})[:-1] + f', "{name}": 2}}')
    assert len(str(caught.value)) < 120


def test_no_other_hook_reads_pairs():
    """One helper for all of the maker; the checker has its own code."""
    others = [
        path.name
        for path in SOURCES.rglob("*.py")
        if "check" not in path.relative_to(SOURCES).parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg == "object_pairs_hook"
        if not (isinstance(node.value, ast.Name) and node.value.id == "named_once")
    ]
    assert others == []
