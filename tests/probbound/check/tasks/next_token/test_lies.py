"""A maker that lies about rows: the checker refuses, and says why."""

from fractions import Fraction

import numpy as np
import pytest

import probbound
from probbound.certificates.format import predicate_of, sealed, statement
from probbound.check.document import predicate_of as checked
from probbound.check.judge import judge
from probbound.check.report import Refused, Unusable
from probbound.models.store import save_model
from probbound.models.transformer import answering
from probbound.tasks.next_token import methods, planning, question
from probbound.tasks.next_token.task import NextToken
from tests.probbound.tasks.next_token import rows


def certify(model=None, task=None, **settings):
    asked = {"strategy": "iid", "budget": 30, "delta": 0.1, **settings}
    return probbound.certify(model or rows.model(), task or rows.task(), **asked).to_json()


def altered(predicate, **changes):
    """With other fields, the places of nested ones told by __, sealed as if it were made so."""
    fields = {k: v for k, v in predicate.items() if k not in ("hex", "self_sha256")}
    for path, value in changes.items():
        *way, last = path.split("__")
        part = fields
        for name in way:
            part[name] = dict(part[name])
            part = part[name]
        part[last] = value
    return sealed(fields)


def refusal(predicate, files, model=None):
    """What the checker says against it, if it does."""
    try:
        found = checked(statement(predicate))
        report = judge(found, rows.weights(model or rows.model()), files=files)
    except Refused as reason:
        return str(reason)
    return " ".join(report.refused)


@pytest.fixture
def files(tmp_path):
    return dict(rows.saved(tmp_path))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strategy": "brute-force"},
        {"budget": 48},
        {"target": 0.5},
        {"stopped_at": 20},
        {"strategy": "auto", "budget_flops": 2.5e5},
        {"arithmetic": "float64"},
    ],
)
def test_failures_that_are_kept_quiet_are_counted_again(settings, files, monkeypatch):
    settings = dict(settings)
    task = rows.task(arithmetic=settings.pop("arithmetic", "real"))
    assert not refusal(certify(task=task, **settings), files)
    none = property(
        lambda self: question.RowCheck(lambda found: np.zeros(len(found), dtype=bool), 1)
    )
    monkeypatch.setattr(question.RowQuestion, "exact", none)
    forged = certify(task=task, **settings)
    assert "counted again" in refusal(forged, files) or "leave a share" in refusal(forged, files)


def test_a_seed_that_was_tried_is_no_seed_of_the_question(files):
    chosen = certify(seed=7)
    assert not refusal(chosen, files)
    assert "not the one that follows" in refusal(altered(chosen, seed_source="content"), files)
    beacon = certify(beacon="public")
    assert "not the one that follows" in refusal(altered(beacon, beacon="other"), files)


def test_a_lucky_interruption_is_none_by_the_fixed_law(files):
    stopped = certify(stopped_at=20, seed=3)
    assert not refusal(stopped, files)
    assert refusal(altered(stopped, stopped_at=None), files)
    shorter = certify(budget=20, seed=3)
    lucky = altered(shorter, budget=30, ran={**shorter["ran"], "budget": 30})
    assert "20 rows, and 30 were planned" in refusal(lucky, files)
    target = certify(target=0.6, seed=3)
    assert not refusal(target, files)
    assert "it looks at" in refusal(altered(target, stopped_at=5), files)
    listed = certify(strategy="brute-force")
    assert "cannot be interrupted" in refusal(altered(listed, stopped_at=5), files)
    assert "nothing was interrupted" in refusal(altered(certify(budget=48), stopped_at=5), files)


def test_operations_pay_for_so_many_rows(files, monkeypatch):
    monkeypatch.setattr(planning, "row_price", lambda asked: 400)
    monkeypatch.setattr(planning, "once_price", lambda asked: 0)
    forged = certify(strategy="auto", budget_flops=1.2e4)
    assert forged["ran"]["budget"] == 30
    assert "pay for other looks than 30" in refusal(forged, files)


def test_all_rows_are_looked_at_only_where_the_budget_covers_them(files, monkeypatch):
    monkeypatch.setattr(
        methods, "drawn", lambda base, source, row, effort, law, meter: _listed(meter)
    )

    def _listed(meter):
        asked = question.RowQuestion(rows.model(), rows.task(), 30, 0.1, 0)
        return methods.brute_force(asked, meter)

    assert "where the budget covers them" in refusal(certify(), files)
    listed = certify(strategy="brute-force")
    assert refusal(altered(listed, ran={**listed["ran"], "budget": 48}), files)


def test_rows_are_those_of_the_digest(files, tmp_path):
    made, tokens = certify(), rows.tokens()
    changed = tokens.copy()
    changed[0, -1] = (changed[0, -1] + 1) % 6
    for number, other in enumerate(
        [tokens[::-1], changed, tokens[:-1], np.concatenate([tokens, tokens[:1]]), tokens[:, 1:]]
    ):
        path = tmp_path / f"{number}.npz"
        np.savez(path, tokens=other)
        assert "these have" in refusal(made, {"data": path})
        stated = NextToken(other).statement()
        assert refusal(altered(made, claim__population=stated), {"data": path})
    assert refusal(altered(made, claim__population__size=47), files)
    assert refusal(altered(made, claim__population__length=4), files)


def test_an_arithmetic_is_not_switched(files, monkeypatch):
    model, tokens = rows.uncertain(), rows.tokens(rows.uncertain(), wrong=0)
    np.savez(files["data"], tokens=tokens)
    weak = certify(model, NextToken(tokens, "float64"), seed=1)
    assert not refusal(weak, files, model)
    strong = altered(weak, claim__population__arithmetic="real", claim__population__agreement=None)
    assert "counted again" in refusal(strong, files, model)
    for agreement in (0.1, 2.0**-30, None):
        lax = altered(weak, claim__population__agreement=agreement)
        assert "agreement" in refusal(lax, files, model)
    computed = answering.FLOAT64.answering_all
    monkeypatch.setattr(answering.Real, "answering_all", lambda _, *given: computed(*given))
    assert "counted again" in refusal(certify(model, NextToken(tokens)), files, model)


def test_two_networks_are_those_of_the_claim(files, tmp_path):
    other, third = rows.model("other", 0.02), rows.model("third", 0.03)
    for each in (other, third):
        save_model(each, tmp_path / f"{each.name}.safetensors")
    made = certify(task=rows.task(against=other))
    files["against"] = tmp_path / "other.safetensors"
    assert not refusal(made, files)
    assert "the other network is none with" in refusal(
        made, {**files, "against": tmp_path / "third.safetensors"}
    )
    swapped = rows.task(against=third).statement()["against"]
    assert refusal(
        altered(made, claim__population__against=swapped),
        {**files, "against": tmp_path / "third.safetensors"},
    )
    with pytest.raises(Unusable, match="about one network; leave --against out"):
        refusal(certify(), files)
    del files["against"]
    with pytest.raises(Unusable, match="give the other one's file with --against"):
        refusal(made, files)
    with pytest.raises(Unusable, match="give their file with --data"):
        refusal(made, {})
    assert refusal(altered(made, claim__population__against=None), files)


def test_the_maker_reads_its_own_certificate_again(files):
    made = certify()
    assert predicate_of(statement(made), "it")["failure_upper"] == made["failure_upper"]
    assert Fraction(made["bound"]) <= 1 - Fraction(made["failure_upper"])
