"""The file of an own claim: its schema, its copies, its digest, what it says in sentences."""

import json

import numpy as np
import pytest

import probbound as pb
from probbound.certificates.format import OWN_FORMAT, canonical
from probbound.machine.errors import UserError

ASKED = {"name": "claim", "delta": 0.05, "version": "1"}


def listed():
    return pb.Listed(range(50), [10**6, *[3] * 20, *[1] * 29])


CLAIMS = {
    "share": lambda: pb.bound_share(listed(), lambda x: np.array(x) > 2, budget=20, **ASKED),
    "all": lambda: pb.bound_share(listed(), lambda x: np.array(x) > 2, side="two", **ASKED),
    "cascade": lambda: pb.bound_share(
        pb.Product(10**4, 10**4),
        lambda x: x[:, 0] > 2,
        screens=[
            pb.Left("half", pb.Product(5000, 10**4)),
            pb.Cheap("cheap", lambda x: x[:, 0] > 9),
        ],
        budget=50,
        **ASKED,
    ),
    "mean": lambda: pb.bound_mean(listed(), lambda x: x, low=0, high=50, budget=20, **ASKED),
    "difference": lambda: pb.bound_difference(
        pb.Sequences([(0, 1), (1, 1, 3)]), lambda x: x[:, 1] > 0, lambda x: x[:, 1] > 1, **ASKED
    ),
    "family": lambda: pb.bound_family(
        pb.Drawn(lambda rng, n: rng.random(n), "uniform", version="1"),
        lambda x: x,
        thresholds=[0.25, 0.5],
        **ASKED,
    ),
    "strata": lambda: pb.bound_share(
        pb.Strata([(1, pb.Product(9)), (2, pb.Product(99999))]),
        lambda x: x[:, 0] > 2,
        budget=100,
        **ASKED,
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_what_is_written_is_read(name, tmp_path):
    made = CLAIMS[name]()
    path = tmp_path / "claim.json"
    made.save(path)
    assert pb.read_certificate(path) == json.loads(json.dumps(made.to_json()))
    found = json.loads(path.read_text())
    assert found["predicateType"] == "urn:probbound:own-claim:1"
    assert found["subject"][0]["name"] == "claim"
    assert found["bound"] == found["predicate"]["bound"] == made.bound
    assert {"share", "mean", "difference", "family"} >= {found["claim"]["kind"]}


@pytest.mark.parametrize("name", CLAIMS)
def test_the_same_question_has_the_same_digest_on_every_run(name):
    once, again = CLAIMS[name]().to_json(), CLAIMS[name]().to_json()
    assert once["self_sha256"] == again["self_sha256"]


@pytest.mark.parametrize("field", ["bound", "seed", "parts"])
def test_an_edit_is_seen(field, tmp_path):
    path = tmp_path / "claim.json"
    CLAIMS["share"]().save(path)
    found = json.loads(path.read_text())
    found["predicate"][field] = found[field] = {"bound": 0.5, "seed": 3}.get(
        field, found["parts"] * 2
    )
    path.write_text(json.dumps(found))
    with pytest.raises(UserError, match="altered"):
        pb.read_certificate(path)


def test_an_unknown_field_is_refused(tmp_path):
    path = tmp_path / "claim.json"
    CLAIMS["share"]().save(path)
    found = json.loads(path.read_text())
    found["predicate"]["more"] = found["more"] = 1
    path.write_text(json.dumps(found))
    with pytest.raises(UserError, match=OWN_FORMAT):
        pb.read_certificate(path)


def test_no_name_is_in_the_seed_and_all_else_is():
    record = CLAIMS["cascade"]().subject.record()
    assert b'"name"' not in canonical(record)
    assert record["left"]["share"] == [1, 2]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("share", "gives a member the same answer"),
        ("share", "its version '1'"),
        ("cascade", "in what the screen 'half' left"),
        ("cascade", "'cheap' passes only what"),
        ("cascade", "maker's pilot"),
        ("family", "the sampler's draws are independent"),
    ],
)
def test_what_is_taken_on_trust_is_said(name, sentence):
    assert any(sentence in said for said in CLAIMS[name]().to_json()["trusted"])


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("share", "claim: the share that fails (<lambda>) is at most 1, except with δ = 0.05;"),
        ("difference", "passes the first more (<lambda> - <lambda>) is 0.2, for certain; 3 looks"),
        ("mean", "claim: the mean (<lambda>) is at most 0.00"),
        ("family", "(<lambda> > 0.25) is at most 0.2"),
    ],
)
def test_it_is_shown_as_a_sentence(name, says):
    assert says in str(CLAIMS[name]())


def test_the_weighted_bound_falls_back_on_what_is_certain():
    made = CLAIMS["share"]()
    (ends,) = made.ends
    certain = 1 - ends.certain_upper
    assert made.confidence_weighted == pytest.approx(0.95 * made.bound + 0.05 * float(certain))
    assert float(certain) > 0
