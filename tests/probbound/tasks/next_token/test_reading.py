"""Rows come out of every kind of file alike, in the maker and in the checker, or are refused."""

import json

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from probbound.check.report import Unusable
from probbound.check.tasks.next_token import rows as checker
from probbound.machine.errors import UserError
from probbound.tasks.next_token.populations.registry import read_population
from probbound.tasks.next_token.reading import as_rows
from probbound.tasks.next_token.task import NextToken


def read_rows(path):
    return read_population(str(path)).listing()


ROWS = np.array([[3, 0, 6], [1, 2**31 - 1, 5]])
LISTS = ROWS.tolist()


def lines(rows, ending="\n", **beside):
    kept = [{"tokens": row, **beside} if beside else row for row in rows]
    return ending.join(json.dumps(row, ensure_ascii=False) for row in kept)


WRITTEN = {
    "a.npz": lambda path: np.savez(path, tokens=ROWS, other=[1]),
    "short.npz": lambda path: np.savez(path, tokens=ROWS.astype(np.uint32)),
    "lists.jsonl": lambda path: path.write_text(lines(LISTS) + "\n\n"),
    "windows.jsonl": lambda path: path.write_bytes(lines(LISTS, "\r\n").encode()),
    "texts.jsonl": lambda path: path.write_text(
        lines(LISTS, text="one\u2028two\x85three"), encoding="utf-8"
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_maker_and_checker_read_the_same_rows(name, tmp_path):
    WRITTEN[name](tmp_path / name)
    found, again = read_rows(tmp_path / name), checker.read_rows(tmp_path / name)
    np.testing.assert_array_equal(found, ROWS)
    np.testing.assert_array_equal(again.tokens, ROWS)
    assert NextToken(found).statement()["sha256"] == again.digest


def test_parquet_holds_the_same_rows_and_the_checker_says_what_to_do_with_it(tmp_path):
    path = tmp_path / "rows.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"tokens": LISTS, "text": ["a", "b"]}), path)
    np.testing.assert_array_equal(read_rows(path), ROWS)
    with pytest.raises(Unusable, match=r"save the same rows as one of these, their digest stays"):
        checker.read_rows(path)


def test_short_rows_have_minus_one_before_their_first_token(tmp_path):
    lists = [[3, 0, 6, 2], [5, 5], [0, 1, 2]]
    filled = np.array([[3, 0, 6, 2], [-1, -1, 5, 5], [-1, 0, 1, 2]])
    (tmp_path / "lists.jsonl").write_text(lines(lists))
    np.savez(tmp_path / "array.npz", tokens=filled)
    pyarrow.parquet.write_table(pyarrow.table({"tokens": lists}), tmp_path / "rows.parquet")
    for name in ("lists.jsonl", "array.npz", "rows.parquet"):
        np.testing.assert_array_equal(read_rows(tmp_path / name), filled)
    for name in ("lists.jsonl", "array.npz"):
        again = checker.read_rows(tmp_path / name)
        np.testing.assert_array_equal(again.tokens, filled)
        stated = NextToken(lists).statement()
        assert (stated["length"], stated["shortest"]) == (again.length, again.shortest) == (4, 2)
        assert stated["sha256"] == again.digest
    arrays = [np.array(row) for row in lists]
    np.testing.assert_array_equal(as_rows(arrays), filled)


@pytest.mark.parametrize(
    "rows",
    [
        ROWS.astype(float),
        ROWS > 0,
        ROWS[0],
        ROWS[None],
        ROWS[:0],
        ROWS[:, :1],
        -ROWS,
        np.insert(ROWS, 0, -1, axis=1),
        np.insert(ROWS, 3, -1, axis=1),
        np.array([[1, 2, 3], [-1, -1, 3]]),
        ROWS + 1,
        np.full((2, 3), 2**64 - 1, np.uint64),
        ROWS.astype(str),
    ],
)
def test_arrays_that_are_no_rows_are_refused(rows, tmp_path):
    with pytest.raises(UserError, match=r"tokens|rows"):
        as_rows(rows)
    np.savez(tmp_path / "rows.npz", tokens=rows)
    with pytest.raises(UserError):
        read_rows(tmp_path / "rows.npz")
    with pytest.raises(Unusable):
        checker.read_rows(tmp_path / "rows.npz")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[1, 2]\nnonsense", "line 2 of .* is no JSON"),
        (b"[1, 2]\n[1]", "two tokens at least, row 1 has 1"),
        (b"[1, 2, 3]\n[]", "two tokens at least, row 1 has 0"),
        (b"[1, 2]\n[-1, 2]", "two tokens at least, row 1 has 1"),
        (b"[1, 2]\n[1, -1]", "before the first token alone"),
        (b"[1, 2]\n[-2, 2, 3]", "from 0 to"),
        (b"[-1, 2, 3]\n[-1, 2, 3]", "no row of .* is as long"),
        (b"[1, 2.0]", "line 1 of .* must be a list of tokens"),
        (b"[1, true]", "line 1 of .* must be a list of tokens"),
        (b'{"other": [1, 2]}', "line 1 of .* must be a list of tokens"),
        (b"[1, 1" + b"0" * 30 + b"]", "whole numbers"),
        (b"\n", "whole numbers"),
        (b"\xff\xfe", "cannot be read as JSON lines"),
        (b"[" * 100_000, "line 1 of .* is no JSON"),
    ],
)
def test_lines_that_are_no_rows_are_refused(content, sentence, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=sentence):
        read_rows(path)
    with pytest.raises(Unusable):
        checker.read_rows(path)


@pytest.mark.parametrize("name", ["rows.csv", "none.npz", "damaged.npz", "other.npz", "no.parquet"])
def test_files_that_hold_no_rows_are_refused(name, tmp_path):
    (tmp_path / "rows.csv").write_text("1,2")
    (tmp_path / "damaged.npz").write_text("1,2")
    np.savez(tmp_path / "other.npz", other=ROWS)
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a"]}), tmp_path / "no.parquet")
    with pytest.raises(UserError, match=name):
        read_rows(tmp_path / name)
    with pytest.raises(Unusable, match=name):
        checker.read_rows(tmp_path / name)


@pytest.mark.parametrize("cells", [[[1, 2], None], [[1, 2], [1, None]], ["a", "b"], [1, 2]])
def test_columns_that_are_no_rows_are_refused(cells, tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"tokens": cells}), tmp_path / "rows.parquet")
    with pytest.raises(UserError, match=r"rows\.parquet"):
        read_rows(tmp_path / "rows.parquet")
