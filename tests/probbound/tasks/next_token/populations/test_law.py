"""Rows of a law: which law it is, and that draws have it (Theorem 9.12)."""

import hashlib
import math
from fractions import Fraction

import numpy as np
import pytest
import scipy

import probbound
from probbound.check.stream import Stream as CheckedStream
from probbound.check.tasks.next_token.law import read_law
from probbound.draws.random_streams import Stream
from probbound.machine.errors import UserError
from probbound.tasks.next_token.populations.law import RowLaw, as_law
from tests.probbound.tasks.next_token import drawn, rows

STREAM = Stream.from_seed(3).fold_in("certify").fold_in("rows")


def digits(tokens, base):
    return tokens @ base ** np.arange(tokens.shape[1])[::-1]


@pytest.mark.parametrize(
    "weights",
    [
        [[1, 2, 3], [4, 0, 1]],
        [[1, 1, 1], [1, 1, 1]],
        [[0, 5, 0], [1, 0, 0]],
        [[2**31, 2**31 - 1, 0], [1, 2, 4]],
        [[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]],
    ],
)
def test_rows_have_the_law_exactly(weights):
    """A chi-square statistic beyond its 1e-9 quantile would be a false alarm once in 1e9 runs."""
    law, n = RowLaw(np.array(weights)), 60_000
    found = law.sample(STREAM, 0, n)
    assert found.shape == (n, 2)
    shares = [row / row.sum() for row in law.weights.astype(float)]
    joint = np.multiply.outer(*shares).ravel()
    counts = np.bincount(digits(found, law.weights.shape[1]), minlength=len(joint))
    assert (counts[joint == 0] == 0).all()
    met = joint > 0
    if met.sum() > 1:
        statistic = ((counts[met] - n * joint[met]) ** 2 / (n * joint[met])).sum()
        assert statistic < scipy.stats.chi2.ppf(1 - 1e-9, met.sum() - 1)


def test_draws_are_the_same_in_any_parts_and_in_the_checker(tmp_path):
    law = drawn.law()
    whole = law.sample(STREAM, 0, 1000)
    parts = [law.sample(STREAM, start, start + 50) for start in range(0, 1000, 50)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    again = read_law(drawn.saved(tmp_path)["data"])
    stream = CheckedStream.of_seed(3).named("certify", "rows")
    read, numbers = again.drawn(stream, 1000)
    np.testing.assert_array_equal(read.at(numbers), whole)
    np.testing.assert_array_equal(read.at(numbers[300:307]), whole[300:307])
    assert read.reach == law.reach


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.uint64, np.float16, np.float32, float])
def test_maker_and_checker_read_the_same_law(kind, tmp_path):
    weights = drawn.weights().astype(kind) * kind(3)
    if np.dtype(kind).kind == "f":
        weights = weights / weights.sum(axis=1, keepdims=True)
    law = RowLaw(weights)
    read = read_law(drawn.saved(tmp_path, weights)["data"])
    np.testing.assert_array_equal(read.weights, law.weights)
    assert (read.digest, read.bits) == (law.sha256, law.rounded_bits)
    assert (law.rounded_bits == 24) == (np.dtype(kind).kind == "f")
    content = f"probbound-row-law/1\n{law.weights.shape}\n".encode()
    content += law.weights.astype("<i8").tobytes()
    assert law.sha256 == hashlib.sha256(content).hexdigest()


def test_floats_are_rounded_exactly_and_the_law_is_that_of_these():
    shares = np.random.default_rng(5).dirichlet(np.ones(300), 3)
    law = RowLaw(shares)
    for row, weights in zip(shares, law.weights, strict=True):
        exact = [Fraction(x) for x in row]
        wanted = np.array([round(x / sum(exact) * 2**24) for x in exact])
        assert (weights * (wanted.sum() // weights.sum()) == wanted[: len(weights)]).all()


def test_one_law_has_one_form():
    weights = drawn.weights()
    longer = np.concatenate([7 * weights, np.zeros((len(weights), 4), dtype=int)], axis=1)
    assert RowLaw(longer).sha256 == RowLaw(weights).sha256
    assert RowLaw(weights[::-1]).sha256 != RowLaw(weights).sha256
    assert RowLaw(weights).mass == math.prod(int(x) for x in drawn.law().weights.sum(1))
    for pilot in (RowLaw(weights).pilot,):
        assert pilot.shape == (16, 5)
        assert not (pilot == RowLaw(weights).sample(STREAM, 0, 16)).all()


@pytest.mark.parametrize(
    ("law", "sentence"),
    [
        (np.ones(3), "length, d_vocab"),
        (np.ones((1, 3)), "two positions or more"),
        (np.ones((3, 0)), "weights of 1 to"),
        (np.ones((2, 3), dtype=bool), "length, d_vocab"),
        (np.ones((2, 3), dtype=complex), "length, d_vocab"),
        ([[1, -1], [1, 1]], "negative"),
        ([[1.0, np.nan], [1, 1]], "finite"),
        ([[1, 1], [0, 0]], "above 0 at every position"),
        ([[2**32 - 1, 1], [1, 1]], "less than 2\\^32"),
        (np.full((2, 2), [2**63, 1], dtype=np.uint64), "less than 2\\^32"),
    ],
)
def test_what_makes_no_law_is_refused(law, sentence, tmp_path):
    with pytest.raises(UserError, match=sentence):
        as_law(np.array(law))
    with pytest.raises(probbound.check.Unusable):
        read_law(drawn.saved(tmp_path, np.array(law))["data"])


def test_a_law_altered_after_it_was_drawn_from_is_refused():
    law = drawn.law()
    law.sample(STREAM, 0, 3)
    law.laws[0].array[0] += 1
    with pytest.raises(UserError, match="altered after it was made"):
        probbound.certify(rows.model(), probbound.NextToken(law), strategy="iid", budget=3)
    other = drawn.law()
    assert other.sha256
    other.weights[0, 0] += 1
    with pytest.raises(UserError, match="altered after it was made"):
        other.accepted()
    with pytest.raises(UserError, match="24 bits"):
        RowLaw(drawn.weights(), 23)
