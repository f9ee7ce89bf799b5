"""What a claim states of rows."""

import hashlib

import numpy as np
import pytest

from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.models.store import digest
from probbound.tasks.next_token.task import NextToken
from tests.probbound.tasks.next_token import rows


def test_the_statement_names_the_rows_and_what_is_asked_of_them():
    tokens = rows.tokens()
    stated = NextToken(tokens).statement()
    content = b"probbound-rows/1\n(48, 5)\n" + tokens.astype("<i8").tobytes()
    assert stated == {
        "kind": "rows",
        "size": 48,
        "length": 5,
        "shortest": 5,
        "sha256": hashlib.sha256(content).hexdigest(),
        "prior": None,
        "arithmetic": "real",
        "agreement": None,
        "against": None,
    }
    other = rows.model("other", 0.05)
    compared = NextToken(tokens, "float64", other).statement()
    assert compared["agreement"] == 2.0**-24
    assert compared["against"]["sha256"] == digest(other)


def test_any_other_rows_have_another_digest_and_other_types_the_same():
    tokens = rows.tokens()
    changed = tokens.copy()
    changed[3, 2] = (changed[3, 2] + 1) % 7
    others = [tokens[::-1], tokens[:-1], tokens.reshape(60, 4), changed]
    found = {NextToken(each).statement()["sha256"] for each in (tokens, *others)}
    assert len(found) == 5
    assert NextToken(np.asfortranarray(tokens.astype(np.int16))).statement()["sha256"] in found


def test_equal_rows_count_each():
    task = NextToken(np.repeat(rows.tokens()[:2], 3, axis=0))
    assert task.size == task.mass == 6
    assert len(task.sample(Stream.from_seed(0), 0, 50)) == 50
    assert (task.labels(task.members(np.arange(6))) == task.tokens[:, -1]).all()


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(UserError, match="arithmetic must be"):
        NextToken(rows.tokens(), "float32")
