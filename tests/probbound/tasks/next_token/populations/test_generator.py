"""Rows that a user's function makes, in blocks of its own (Theorem 9.12)."""

from functools import partial

import numpy as np
import pytest

import probbound
from probbound.check.stream import Stream as CheckedStream
from probbound.check.tasks.next_token.generator import ON_TRUST, generator_at
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.tasks.next_token.populations import generator as module
from probbound.tasks.next_token.populations.generator import RowGenerator
from probbound.tasks.next_token.populations.registry import read_population
from tests.probbound.tasks.next_token import drawn, rows

STREAM = Stream.from_seed(3).fold_in("certify").fold_in("rows")


def test_draws_are_the_same_in_any_parts_and_in_the_checker(tmp_path):
    place = f"{drawn.written(tmp_path)}:prompts"
    made = read_population(place)
    whole = made.sample(STREAM, 0, 700)
    parts = [made.sample(STREAM, start, start + 35) for start in range(0, 700, 35)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert made.sample(STREAM, 5, 5).shape == (0, 5)
    stated = made.statement()
    again = generator_at(place, stated)
    found, numbers = again.drawn(CheckedStream.of_seed(3).named("certify", "rows"), 700)
    np.testing.assert_array_equal(found.at(numbers), whole)
    np.testing.assert_array_equal(found.at(numbers[250:263]), whole[250:263])
    assert (stated["on_trust"], stated["block"], stated["length"]) == (ON_TRUST, 256, 5)
    assert stated["source"]["identity"] == "source"


def test_a_block_is_always_asked_for_as_a_whole():
    asked = []

    def counted(rng, n):
        asked.append(n)
        return drawn.uniform(rng, n)

    made = RowGenerator(counted)
    made.sample(STREAM, 0, 300)
    assert set(asked) == {module.BLOCK}
    assert not (made.pilot == made.sample(STREAM, 0, 16)).all()


def bad(found):
    return lambda rng, n: found


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (bad(np.ones((256, 5))), "whole numbers"),
        (bad(np.ones((255, 5), dtype=int)), "asked for 256 rows and made 255"),
        (bad([[1, 2, 3], [1, 2]] * 128), "of one length"),
        (bad(np.full((256, 5), -2)), "from 0 to"),
        (bad(None), "whole numbers"),
        (lambda rng, n: 1 / 0, "raised ZeroDivisionError"),
    ],
)
def test_what_makes_no_rows_is_refused(function, sentence):
    with pytest.raises(UserError, match=sentence):
        RowGenerator(function, name="bad").sample(STREAM, 0, 1)


def test_what_a_generator_is_has_to_be_known():
    for given, sentence in (
        ({"function": lambda rng, n: None}, "needs a name"),
        ({"function": partial(drawn.uniform), "name": "a"}, "version="),
        ({"function": drawn.uniform, "version": ""}, "a version is a text"),
    ):
        with pytest.raises(UserError, match=sentence):
            RowGenerator(**given)  # pyright: ignore[reportArgumentType]
    assert RowGenerator(drawn.uniform, version="2").statement()["source"]["version"] == "2"


def test_what_is_random_beside_its_rng_is_seen():
    random = np.random.default_rng(0)
    made = RowGenerator(lambda rng, n: drawn.uniform(random, n), name="loose")
    with pytest.raises(UserError, match="makes other rows when it is asked again"):
        probbound.certify(rows.model(), probbound.NextToken(made), strategy="iid", budget=3)


def test_rows_of_another_length_or_token_end_the_run():
    def longer(rng, n):
        return np.zeros((n, 5 + (rng.bit_generator.state["state"]["key"][0] % 2)), dtype=int)

    made = RowGenerator(longer)
    with pytest.raises(UserError, match="rows of one length"):
        made.sample(STREAM, 0, 256 * 40)

    def strange(rng, n):
        found = drawn.uniform(rng, n)
        found[200] = 6  # known where it is read, no answer, and not among the first 16
        return found

    with pytest.raises(UserError, match="the rows end in token 6, and net answers with one of 6"):
        probbound.certify(
            rows.model(), probbound.NextToken(RowGenerator(strange)), strategy="iid", budget=300
        )


@pytest.mark.parametrize("place", ["none.py:a", "a.py", "a.py:b-c", "generators.py:nothing"])
def test_places_that_hold_no_generator_are_refused(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drawn.written(tmp_path)
    with pytest.raises(UserError, match=r"there is no file|FILE\.py:NAME|has no nothing"):
        read_population(place)
