"""The fields of the contract, and certificates that are checked again."""

import json
import math
import re
from fractions import Fraction

import numpy as np
import pytest

import probbound
from estimators.guarantee import Guarantee, weakest
from probbound.arithmetic.rounding import one_minus_down, product_up, ratio_up
from probbound.certificates.certificate import bound_of, confidence_weighted
from probbound.certificates.format import read_certificate
from probbound.contract.ledger import NOTHING_SPENT, Ledger, Spend
from probbound.machine.errors import UserError
from probbound.tasks.max_of_k.task import task_for
from tests.factories import checked, copying_model

CONTRACT = {
    *("claim", "bound", "failure_upper", "guarantee", "delta", "confidence_weighted", "strategy"),
    *("proof", "sampling", "cost", "ledger", "model", "seed", "versions"),
}


@pytest.fixture(params=["brute-force", "cubic", "iid", "hybrid", "hybrid:cubic"])
def certificate(request):
    model = copying_model(1)
    return probbound.certify(model, task_for(model), strategy=request.param, budget=15, delta=0.2)


def test_json_has_the_fields_of_the_contract(certificate):
    found = json.loads(json.dumps(certificate.to_json(), allow_nan=False))
    assert found.keys() >= CONTRACT
    assert found["proof"].keys() >= {"certified_mass", "flops"}
    assert found["sampling"].keys() >= {"samples", "failures", "replace", "flops"}
    assert found["cost"].keys() >= {"flops", "seconds"}
    assert found["model"].keys() >= {"name", "sha256"}
    assert found["delta"] == (0.2 if certificate.ledger else 0.0)
    assert found["cost"]["flops"] == found["proof"]["flops"] + found["sampling"]["flops"]
    assert 0 <= found["bound"] <= 1 - found["failure_upper"] <= 1
    assert math.fsum(row["delta"] for row in found["ledger"]) == found["delta"]


def test_the_same_question_has_the_same_digest_whatever_the_clock():
    model = copying_model(1)
    first, second = (
        probbound.certify(model, task_for(model), strategy="iid", budget=9).to_json()
        for _ in range(2)
    )
    assert first["cost"]["seconds"] != second["cost"]["seconds"]
    assert first["self_sha256"] == second["self_sha256"]
    assert not any("seconds" in path for path in first["hex"])


def test_a_saved_certificate_is_read_back(certificate, tmp_path):
    certificate.save(tmp_path / "c.json")
    stored = read_certificate(tmp_path / "c.json")
    assert stored == json.loads(json.dumps(certificate.to_json()))
    assert checked(certificate, copying_model(1)).holds


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "cannot be read as a certificate"),
        (b"\xff\xfe\x00", "cannot be read as a certificate"),
        (b"[]", "is not a certificate of format"),
        (b'{"format": "probbound-certificate/1"}', "of format 'probbound-certificate/1', and this"),
        (b'{"format": "probbound-certificate/2"}', "check it with probbound 0.1.0"),
        (b'{"format": "probbound-certificate/3"}', "check it with a version .*commit 98893ff"),
        (b'{"format": "probbound-certificate/4"}', "is a required property"),
        (b'{"bound": NaN}', "NaN is not a number of JSON"),
        (b'{"bound": 0.9, "bound": 1.0}', "the name 'bound' stands twice in one object"),
        (b'{"budget": ' + b"1" * 4301 + b"}", "an integer of 4301 digits is more than any in a"),
    ],
)
def test_files_that_are_not_certificates_are_refused(tmp_path, content, message):
    (tmp_path / "c.json").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_certificate(tmp_path / "c.json")


@pytest.mark.parametrize("name", ["bound", "sha256", "failure_upper", "flops", "predicate"])
def test_a_name_that_stands_twice_is_refused_wherever_it_stands(certificate, tmp_path, name):
    path = tmp_path / "c.json"
    certificate.save(path)
    for place in re.finditer(f'"{name}":', path.read_text()):
        text = path.read_text()
        (tmp_path / "d.json").write_text(
            f'{text[: place.start()]}"{name}": null, {text[place.start() :]}'
        )
        with pytest.raises(UserError, match=f"the name '{name}' stands twice in one object"):
            read_certificate(tmp_path / "d.json")


def test_a_missing_certificate_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no certificate"):
        read_certificate(tmp_path / "c.json")


def test_what_reads_and_writes_files_takes_their_names_as_text(certificate, tmp_path):
    """As they are typed in a notebook."""
    name, weights, prior = (str(tmp_path / end) for end in ("c.json", "m.safetensors", "p.json"))
    certificate.save(name)
    assert probbound.read_certificate(name) == read_certificate(tmp_path / "c.json")
    probbound.save_model(copying_model(3), weights)
    assert probbound.read_model(weights).name == "m"
    (tmp_path / "p.json").write_text("[1, 2, 3]")
    assert probbound.read_prior(prior, 3) == probbound.Prior((1, 2, 3))
    grid = probbound.SweepConfig(models=(weights,), strategies=("cubic",))
    assert probbound.run_sweep(grid, str(tmp_path / "out")).num_rows == 1


def test_results_are_rounded_in_the_safe_direction():
    for count, total in [(1, 3), (2, 3), (10**17 + 1, 3**50), (0, 7), (7, 7)]:
        exact = Fraction(count, total)
        up = ratio_up(count, total)
        assert Fraction(up) >= exact
        assert Fraction(math.nextafter(up, -1)) < exact
        assert Fraction(one_minus_down(up)) <= 1 - Fraction(up)
        assert Fraction(product_up(up, up)) >= Fraction(up) ** 2
        assert bound_of(up) <= 1 - exact


def test_ledgers_add_up_and_the_weakest_guarantee_wins():
    spends = tuple(Spend("s", "m", "1.5", delta, math.log(delta), 1) for delta in (0.01, 0.02))
    assert Ledger(spends).delta == pytest.approx(0.03)
    assert Ledger(spends).log_delta == pytest.approx(math.log(0.03))
    assert NOTHING_SPENT.delta == 0
    assert NOTHING_SPENT.log_delta == -math.inf
    assert weakest() is Guarantee.DETERMINISTIC
    assert weakest(Guarantee.HEURISTIC, Guarantee.DETERMINISTIC) is Guarantee.HEURISTIC


@pytest.mark.parametrize("seed", range(200))
def test_who_believes_the_bound_expects_no_less_than_the_weighted_one(seed):
    """Theorem 1.15, with a reader's law on five accuracies above what is certain."""
    rng = np.random.default_rng(seed)
    certain = rng.random()
    accuracies = certain + (1 - certain) * rng.random(5)
    credences = rng.dirichlet(np.ones(5))
    for bound in (*accuracies, certain / 2):
        delta = credences[accuracies < bound].sum()
        weighted = confidence_weighted(bound, delta, certain)
        assert credences @ accuracies >= weighted - 1e-12
    two = confidence_weighted(0.9, 0.25, 0.2)
    assert two == pytest.approx(0.75 * 0.9 + 0.25 * 0.2)
