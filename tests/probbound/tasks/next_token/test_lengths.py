"""Rows of different lengths in one claim, against each row by itself (Theorem 9.5)."""

import numpy as np
import pytest

import probbound
from probbound.check.judge import judge
from probbound.models.store import save_model
from probbound.models.transformer.answering import FLOAT64, REAL
from probbound.models.transformer.running import outcomes
from probbound.tasks.next_token.task import NextToken
from probbound.tasks.next_token.words import remarks
from tests.factories import through_json
from tests.probbound.tasks.next_token import rows

LENGTHS = (5, 2, 4, 3)
MOST = max(LENGTHS)


def mixed(wrong=rows.WRONG):
    """Rows of 2 to 5 tokens that end in the network's answer, but for some."""
    random, found = np.random.default_rng(3), []
    for number in range(rows.NUMBER):
        read = random.integers(0, 7, LENGTHS[number % len(LENGTHS)] - 1)
        answer = int(outcomes(rows.model(), read[None]).argmax())
        found.append([*read.tolist(), (answer + (number < wrong)) % rows.SAID["d_out"]])
    return found


@pytest.mark.parametrize("arithmetic", [REAL, FLOAT64])
def test_every_row_is_answered_as_it_is_alone(arithmetic):
    task = NextToken(mixed(), arithmetic.name)
    model, other = rows.model(), rows.model("other", 0.05)
    answers = arithmetic.answering_all([model, other], 0)
    together = answers(task.tokens[:, :-1], 0.25)
    for number, row in enumerate(mixed()):
        alone = answers(np.array([row[:-1]]), 0.25)
        for all_rows, one in zip(together, alone, strict=True):
            np.testing.assert_allclose(all_rows.values[number], one.values[0], rtol=1e-13)
            radii = np.broadcast_to(all_rows.radii, all_rows.values.shape)
            alone_radii = np.broadcast_to(one.radii, one.values.shape)
            np.testing.assert_allclose(radii[number], alone_radii[0], rtol=0.1)
            assert all_rows.allowance[number] == pytest.approx(one.allowance[0], rel=1e-9)


CLAIMS = {
    "accuracy": (probbound.Claim(), False),
    "margin": (probbound.Claim("margin", 0.2), False),
    "loss": (probbound.Claim("loss", 5.0), False),
    "agreement": (probbound.Claim(), True),
    "kl": (probbound.Claim("kl", 0.05), True),
}


@pytest.mark.parametrize("arithmetic", ["real", "float64"])
@pytest.mark.parametrize("name", CLAIMS)
def test_claims_are_those_of_the_rows_one_by_one_and_are_checked(name, arithmetic, tmp_path):
    claim, compared = CLAIMS[name]
    other = rows.model("other", 0.05) if compared else None
    files = {"data": tmp_path / "rows.jsonl"}
    files["data"].write_text("\n".join(map(str, mixed())))
    if other is not None:
        files["against"] = tmp_path / "other.safetensors"
        save_model(other, files["against"])

    def certified(task, **settings):
        return probbound.certify(rows.model(), task, claim=claim, delta=0.1, **settings)

    task = NextToken(mixed(), arithmetic, against=other)
    whole = certified(task, strategy="brute-force")
    bounds = [
        certified(NextToken([row], arithmetic, against=other), strategy="brute-force")
        for row in mixed()
    ]
    alone = np.mean([each.bound if name == "loss" else each.failure_upper for each in bounds])
    assert (whole.bound if name == "loss" else whole.failure_upper) == pytest.approx(alone)
    for made in (whole, certified(task, strategy="iid", budget=30, seed=1)):
        said = judge(through_json(made), rows.weights(rows.model()), files=files)
        assert said.holds, said


def test_the_first_tokens_that_all_rows_share_are_run_once():
    begin = [[2, 4, *row] for row in ([1, 3], [0, 5, 5], [1])]
    population = NextToken(begin).rows
    assert population.beginning.tolist() == [2]  # one token at least is left to the shortest
    task = NextToken(begin, "float64")
    made = probbound.certify(rows.model(), task, strategy="brute-force")
    right = [outcomes(rows.model(), np.array([row[:-1]])).argmax() == row[-1] for row in begin]
    assert made.failure_upper == pytest.approx(1 - np.mean(right))


def test_a_row_is_booked_as_the_longest():
    model = rows.model()
    costs = [
        probbound.certify(model, NextToken(given), strategy="brute-force").cost.flops
        for given in ([[1, 2, 3, 4, 5], [3, 2, 3, 4, 5]], [[1, 2, 3, 4, 5], [3, 5]])
    ]
    assert costs[0] == costs[1]


def test_a_certificate_says_from_what_length_to_what():
    said = dict(remarks(NextToken(mixed()).statement()))
    assert said["data"].startswith("48 rows of 2 to 5 tokens, ")
