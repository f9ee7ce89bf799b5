"""Configurations of any content: a valid grid, or one sentence and exit status 2."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probbound.cli.main import run
from probbound.machine.errors import UserError
from probbound.sweeps.config import MOST_BYTES, SweepConfig, read_toml

KEYS = (
    *("models", "strategies", "budgets", "deltas", "seeds", "paths", "noises"),
    *("tasks", "claims", "priors"),
)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from([0, 1, 5, 0.5, 1e-6, 2**63 - 1, 2**63, -1, math.nan, math.inf]),
    st.sampled_from(["iid", "cubic", "cascade", "max-of-4", "joint", "", "\0", "a\nb", "\x7f"]),
    st.text(max_size=9),
    st.dates(min_value=datetime.date(1000, 1, 1)),
    st.datetimes(min_value=datetime.datetime(1000, 1, 1)),
    st.times(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
GOOD = {
    "models": st.lists(st.sampled_from(["max-of-4", "m.npz"]), min_size=1, max_size=3),
    "strategies": st.lists(st.sampled_from(["iid", "cubic", "auto"]), min_size=1, max_size=3),
    "budgets": st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=3),
    "deltas": st.lists(st.sampled_from([0.5, 1e-6]), min_size=1, max_size=2),
    "seeds": st.lists(st.integers(0, 9), min_size=1, max_size=3),
    "tasks": st.lists(st.just("max-of-k"), min_size=1, max_size=2),
    "claims": st.lists(
        st.one_of(
            st.sampled_from(["accuracy", "loss", "margin:1", "margin"]),
            st.floats(width=32).map("margin:{}".format),
        ),
        min_size=1,
        max_size=3,
    ),
    "priors": st.lists(st.sampled_from(["uniform", "p.txt"]), min_size=1, max_size=2),
    "paths": st.lists(st.sampled_from(["joint", "separate"]), min_size=1, max_size=3),
}
TABLES = st.one_of(
    st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, VALUES)),
    st.fixed_dictionaries(
        {key: st.one_of(values, VALUES) for key, values in GOOD.items() if key in KEYS[:2]},
        optional={
            key: st.one_of(values, VALUES) for key, values in GOOD.items() if key not in KEYS[:2]
        },
    ),
    st.fixed_dictionaries(
        {key: values for key, values in GOOD.items() if key in KEYS[:2]},
        optional={key: values for key, values in GOOD.items() if key not in KEYS[:2]},
    ),
    st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
)


def toml(value: object) -> str:
    """A value as TOML writes it, in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else repr(value)


def answered(data: bytes, path: Path) -> SweepConfig | str:
    """The configuration in a file of these bytes, or the sentence that refuses it."""
    path.write_bytes(data)
    try:
        return SweepConfig.from_mapping(read_toml(path), path.name)
    except UserError as error:
        return str(error)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("configurations") / "grid.toml"


@settings(max_examples=150, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes(path, data):
    answered(data, path)


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="models=[]{}\"'.,#\n 019-:TZinfa_", max_size=60))
def test_any_text_of_the_signs_that_matter(path, text):
    answered(text.encode(), path)


def assert_tables_are_answered(path: Path, examples: int) -> tuple[int, int]:
    """How many were valid, and how many refused; a valid one asks the same when written again."""
    valid: list[bool] = []

    @settings(max_examples=examples, deadline=None, derandomize=True)
    @given(table=TABLES)
    def check(table):
        lines = "".join(f"{toml(key)} = {toml(value)}\n" for key, value in table.items())
        found = answered(lines.encode(errors="replace"), path)
        valid.append(isinstance(found, SweepConfig))
        if isinstance(found, SweepConfig):
            assert answered(found.to_toml().encode(), path) == found

    check()
    return sum(valid), len(valid) - sum(valid)


def test_any_valid_toml_of_wrong_shapes(path):
    valid, refused = assert_tables_are_answered(path, 400)
    assert valid > 10
    assert refused > 50


@pytest.mark.slow
def test_much_valid_toml_of_wrong_shapes(path):
    assert_tables_are_answered(path, 20_000)


DEEP = 3_000
TRAPS: dict[str, Callable[[], str]] = {
    "lists within lists": lambda: "models = " + "[" * DEEP + "]" * DEEP,
    "lists within lists, not closed": lambda: "models = " + "[" * DEEP,
    "tables within tables": lambda: "models = " + "{a = " * DEEP + "1" + "}" * DEEP,
    "a long dotted key": lambda: "models" + ".a" * DEEP + " = 1",
    "a dotted key as long as a file": lambda: "models" + ".a" * 32_000 + " = 1",
    "a few lists within lists": lambda: "models = " + "[" * 30 + "]" * 30,
    "a whole number of many digits": lambda: "seeds = [" + "9" * 5000 + "]",
    "a whole number of many bits": lambda: "models = ['m']\nseeds = [0x" + "f" * 20_000 + "]",
    "a nested whole number of many bits": lambda: "models = {a = [0x" + "f" * 20_000 + "]}",
    "a key that comes twice": lambda: "seeds = [1]\nseeds = [2]",
    "a long string": lambda: "models = '" + "x" * 60_000 + "'",
    "more than may be read": lambda: "#" * (MOST_BYTES + 1),
    "a name that no file has": lambda: 'models = ["\\u0000"]\nstrategies = ["iid"]',
    "a name too long for a file, and no suffix": lambda: (
        "models = ['" + "x" * 60_000 + "']\nstrategies = ['iid']"
    ),
    "a name too long for a file": lambda: (
        "models = ['" + "x" * 60_000 + ".npz']\nstrategies = ['iid']"
    ),
    "a name that shells would like": lambda: 'models = ["\\u001b[2J\\n"]\nstrategies = ["iid"]',
}


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_one_sentence_and_leaves_nothing(tmp_path, capsys, name):
    (tmp_path / "grid.toml").write_text(TRAPS[name]())
    assert_refused(tmp_path, tmp_path / "grid.toml", capsys)


def test_keys_of_many_parts_are_not_parsed(tmp_path):
    (tmp_path / "grid.toml").write_text("models" + ".a" * 1001 + " = 1")
    with pytest.raises(UserError, match="more than 1000 dots in a line"):
        read_toml(tmp_path / "grid.toml")


@pytest.mark.parametrize(
    "source", ["/dev/zero", "/dev/null", "/", "/dev/null/x", "a\0b", "x" * 300]
)
def test_what_is_no_file_is_one_sentence(tmp_path, capsys, source):
    assert_refused(tmp_path, source, capsys)


def assert_refused(tmp_path, source, capsys):
    out = tmp_path / "out"
    assert run(["sweep", "--out", str(out), "--config", str(source)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert not out.exists()
