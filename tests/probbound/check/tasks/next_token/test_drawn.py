"""Certificates about rows of a law or a generator: made again, or refused if they were forged."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import probbound
from probbound.check.judge import judge
from probbound.check.report import Unusable
from probbound.models.store import save_model
from probbound.strategies.levels import Inputs
from probbound.tasks.next_token import planning, question
from probbound.tasks.next_token.populations.independent import Independent
from probbound.tasks.next_token.populations.law import RowLaw
from probbound.tasks.next_token.populations.registry import read_population
from probbound.tasks.next_token.task import NextToken
from tests.factories import through_json
from tests.probbound.check.tasks.next_token.test_lies import altered, refusal
from tests.probbound.check.test_fuzz import run
from tests.probbound.tasks.next_token import drawn, rows


def certify(found, against=None, arithmetic="real", **settings):
    asked = {"strategy": "iid", "budget": 40, "delta": 0.1, **settings}
    return probbound.certify(rows.model(), NextToken(found, arithmetic, against), **asked)


@pytest.fixture
def law(tmp_path):
    """The file of the law."""
    return drawn.saved(tmp_path)


@pytest.fixture
def code(tmp_path):
    """FILE.py:NAME of a generator, as it is given to a checker."""
    return {"replay": Path(f"{drawn.written(tmp_path)}:prompts")}


QUESTIONS = {
    "fixed": {},
    "target": {"target": 0.97},
    "interrupted": {"stopped_at": 17},
    "nothing": {"budget": 0},
    "auto": {"strategy": "auto", "budget_flops": 4e4},
    "margin": {"claim": probbound.Claim("margin", 0.2)},
    "float64": {"arithmetic": "float64"},
    "chosen": {"seed": 3},
}


@pytest.mark.parametrize("asked", QUESTIONS)
def test_what_is_drawn_is_drawn_again(asked, law, code):
    for files, found in ((law, drawn.law()), (code, read_population(str(code["replay"])))):
        made = through_json(certify(found, **QUESTIONS[asked]))
        report = judge(made, rows.weights(rows.model()), files=files)
        assert report.holds, report


def test_without_its_code_a_generator_holds_as_it_is_counted(code):
    made = through_json(certify(read_population(str(code["replay"]))))
    report = judge(made, rows.weights(rows.model()))
    assert (report.status, report.follows) == (4, True)
    assert "the answers to 40 rows of its generator" in report.assumed[0]
    assert any("rows of the generator are independent" in each for each in report.trusted)
    run_again = judge(made, rows.weights(rows.model()), files=code)
    assert run_again.trusted == report.trusted
    nothing = through_json(certify(read_population(str(code["replay"])), budget=0))
    assert judge(nothing, rows.weights(rows.model())).status == 0
    lucky = altered(made, sampling__failures=made["sampling"]["failures"] - 1)
    assert refusal(lucky, {})


@pytest.mark.parametrize("settings", [{}, {"target": 0.5}, {"stopped_at": 20}])
def test_failures_that_are_kept_quiet_are_counted_again(settings, law, code, monkeypatch):
    none = property(
        lambda self: question.RowCheck(lambda found: np.zeros(len(found), dtype=bool), 1)
    )
    monkeypatch.setattr(question.RowQuestion, "exact", none)
    for files, found in ((law, drawn.law()), (code, read_population(str(code["replay"])))):
        assert "counted again" in refusal(certify(found, **settings).to_json(), files)


def test_draws_are_those_of_the_law(law, monkeypatch):
    for change in (
        lambda found, stream, start, stop: RowLaw.sample(found, stream.fold_in("a"), start, stop),
        lambda found, stream, start, stop: RowLaw.sample(found, stream, start + 1, stop + 1),
    ):
        with monkeypatch.context() as lie:
            made = [certify(drawn.law(), seed=seed).to_json() for seed in range(3)]
            assert not any(refusal(each, law) for each in made)
            lie.setattr(
                Independent,
                "source",
                lambda self, stream, number, chunk, change=change: question_source(
                    self, stream, chunk, change
                ),
            )
            forged = [certify(drawn.law(), seed=seed).to_json() for seed in range(12)]
        fewer = [each["sampling"]["failures"] for each in forged]
        assert any(refusal(each, law) for each in forged), fewer


def question_source(population, stream, chunk, change):
    class Other:
        def sample(self, stream, start, stop):
            return change(population, stream, start, stop)

    return Inputs(Other(), stream, chunk)


def test_laws_are_those_of_the_digest(law, tmp_path):
    made, weights = certify(drawn.law()).to_json(), drawn.weights()
    changed = weights.copy()
    changed[0, 0] += 1
    others = [weights[::-1], weights[[1, 0, 2, 3, 4]], changed, weights[1:], weights + 0.5]
    for number, other in enumerate(others):
        folder = tmp_path / str(number)
        folder.mkdir()
        files = drawn.saved(folder, other)
        assert "this has" in refusal(made, files)
        stated = NextToken(RowLaw(other)).statement()
        assert refusal(altered(made, claim__population=stated), files)
    for changes in (
        {"claim__population__length": 4},
        {"claim__population__size": 48},
        {"claim__population__rounded_bits": 24},
        {"claim__population__kind": "rows"},
    ):
        assert refusal(altered(made, **changes), law)
    rounded = certify(RowLaw(weights / 7)).to_json()
    assert not refusal(rounded, drawn.saved(tmp_path, weights / 7))
    assert "rounded" in refusal(
        altered(rounded, claim__population__rounded_bits=None), drawn.saved(tmp_path, weights / 7)
    )


def test_generators_are_those_of_the_digest(code, tmp_path):
    made = certify(read_population(str(code["replay"]))).to_json()
    assert not refusal(made, code)
    place = str(code["replay"]).removesuffix("prompts")
    assert "another source" in refusal(made, {"replay": Path(place + "others")})
    stated = NextToken(read_population(place + "others")).statement()
    assert "seed is not the one" in refusal(
        altered(made, claim__population=stated), {"replay": Path(place + "others")}
    )
    source = made["claim"]["population"]["source"]
    for changes in (
        {"claim__population__length": 4},
        {"claim__population__block": 128},
        {"claim__population__name": "a b"},
        {"claim__population__on_trust": "nothing"},
        {"claim__population__size": 40},
        {"claim__population__source": {**source, "identity": "version"}},
        {"claim__population__source": {**source, "sha256": None}},
        {"claim__population__source": {**source, "version": "1"}},
    ):
        assert refusal(altered(made, **changes), code), changes
    chosen = certify(read_population(str(code["replay"])), seed=1).to_json()
    assert "not 256 rows of 4" in refusal(altered(chosen, claim__population__length=4), code)


def test_a_version_is_taken_on_trust(code):
    found: Any = read_population(str(code["replay"]))
    named = probbound.RowGenerator(found.function, version="2")
    made = through_json(certify(named))
    report = judge(made, rows.weights(rows.model()), files=code)
    assert report.holds, report
    assert "that the generator is what its version '2' names" in report.trusted


def test_a_lucky_interruption_or_number_is_none_by_the_fixed_law(law, monkeypatch):
    stopped = certify(drawn.law(), stopped_at=20, seed=3).to_json()
    assert not refusal(stopped, law)
    assert refusal(altered(stopped, stopped_at=None), law)
    shorter = certify(drawn.law(), budget=20, seed=3).to_json()
    lucky = altered(shorter, budget=40, ran={**shorter["ran"], "budget": 40})
    assert "20 rows, and 40 were planned" in refusal(lucky, law)
    target = certify(drawn.law(), target=0.97, seed=3).to_json()
    assert "it looks at" in refusal(altered(target, stopped_at=5), law)
    monkeypatch.setattr(planning, "row_price", lambda asked: 400)
    monkeypatch.setattr(planning, "once_price", lambda asked: 0)
    forged = certify(drawn.law(), strategy="auto", budget_flops=1.2e4).to_json()
    assert "pay for other looks than 30" in refusal(forged, law)


def test_rows_that_are_only_drawn_are_neither_all_looked_at_nor_apart(law, tmp_path):
    made = certify(drawn.law(), seed=3).to_json()
    listed = certify(rows.tokens(), seed=3).to_json()
    assert "no law" in refusal(altered(made, ran=listed["ran"]), law)
    everything = certify(rows.tokens(), strategy="brute-force", seed=3).to_json()
    population = made["claim"]["population"]
    assert refusal(altered(everything, claim__population=population), law)
    forged = altered(listed, claim__population=population)
    assert refusal(forged, law)
    of_list = rows.saved(tmp_path)
    assert refusal(altered(made, claim__population=listed["claim"]["population"]), of_list)


def test_what_is_not_given_or_of_no_use_is_said(law, code, tmp_path):
    made, model = certify(drawn.law()).to_json(), rows.model()
    by_code = certify(read_population(str(code["replay"]))).to_json()
    both = tmp_path / "both.npz"
    np.savez(both, law=drawn.weights(), tokens=rows.tokens())
    listed = certify(rows.tokens()).to_json()
    for predicate, files, sentence in (
        (made, {}, "rows of a law; give their file with --data"),
        (made, {**law, **code}, "leave --replay out"),
        (made, {"data": both}, "tokens beside it"),
        (listed, {"data": both}, "law beside it"),
        (made, rows.saved(tmp_path), "holds no array law"),
        (by_code, {**law, **code}, "--data has no use"),
        (by_code, {"replay": Path("none.py:a")}, "there is no file"),
        (by_code, {"replay": Path(f"{code['replay']}x")}, "has no promptsx"),
    ):
        with pytest.raises(Unusable, match=sentence):
            refusal(predicate, files, model)


def test_two_networks_are_compared_on_a_law(law, tmp_path):
    other = rows.model("other", 0.02)
    save_model(other, tmp_path / "other.safetensors")
    made = certify(drawn.law(), against=other).to_json()
    files = {**law, "against": tmp_path / "other.safetensors"}
    assert not refusal(made, files)


MEASURED = {
    "loss": probbound.Claim("loss"),
    "cut": probbound.Claim("loss", 0.7),
    "kl": probbound.Claim("kl", 0.03),
}


@pytest.fixture
def beside(tmp_path):
    """The file of the network that another is compared with."""
    save_model(rows.model("other", 0.05), tmp_path / "other.safetensors")
    return {"against": tmp_path / "other.safetensors"}


def measure(name, found, **settings):
    """A certificate of a loss or a divergence."""
    against = rows.model("other", 0.05) if name == "kl" else None
    return certify(found, against, claim=MEASURED[name], **settings)


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.parametrize("arithmetic", ["real", "float64"])
def test_losses_and_divergences_of_draws_are_bounded_again(name, arithmetic, law, code, beside):
    more = beside if name == "kl" else {}
    generator = read_population(str(code["replay"]))
    for files, found in ((law, drawn.law()), (code, generator)):
        for settings in ({}, {"budget": 0}, {"strategy": "auto", "budget_flops": 1e5}):
            made = through_json(measure(name, found, arithmetic=arithmetic, **settings))
            assert made["sampling"]["draws"] or settings.get("budget") == 0
            report = judge(made, rows.weights(rows.model()), files={**files, **more})
            assert report.holds, report
    made = measure(name, generator, arithmetic=arithmetic)
    report = judge(through_json(made), rows.weights(rows.model()), files=more)
    assert (report.status, report.follows) == (4, True)
    assert "at 40 rows of its generator" in report.assumed[0]


@pytest.mark.parametrize("name", ["loss", "kl"])
def test_a_loss_or_a_divergence_of_draws_that_claims_more_is_refused(name, law, code, beside):
    more = beside if name == "kl" else {}
    generator = read_population(str(code["replay"]))
    for files, found in ((law, drawn.law()), (code, generator)):
        made = measure(name, found, seed=3).to_json()
        assert not refusal(made, {**files, **more})
        others = [measure(name, found, seed=seed).to_json() for seed in range(4, 10)]
        lucky = [altered(each, seed=3) for each in others]
        assert any("again" in refusal(each, {**files, **more}) for each in lucky)
        apart = {**made["sampling"], "replace": False}
        assert refusal(altered(made, sampling=apart), {**files, **more})
    shorter = measure(name, generator, budget=30, seed=3).to_json()
    longer = altered(shorter, budget=40, ran={**shorter["ran"], "budget": 40})
    assert refusal(longer, more), "without its code, too"


@pytest.mark.parametrize("name", ["loss", "kl"])
@pytest.mark.parametrize("kind", ["law", "generator"])
def test_altered_fields_of_losses_and_divergences_are_refused(kind, name, law, code, beside):
    files, found = law, drawn.law()
    if kind == "generator":
        files, found = code, read_population(str(code["replay"]))
    made = measure(name, found, budget=20)
    case = json.loads(json.dumps(made.to_json())), rows.weights(rows.model())
    run(case, 40, 5, files={**files, **(beside if name == "kl" else {})})


@pytest.mark.parametrize("question", ["fixed", "target", "interrupted", "auto"])
@pytest.mark.parametrize("kind", ["law", "generator"])
def test_altered_fields_are_refused_or_weaker(kind, question, law, code):
    files, found = law, drawn.law()
    if kind == "generator":
        files, found = code, read_population(str(code["replay"]))
    made = certify(found, **QUESTIONS[question])
    case = json.loads(json.dumps(made.to_json())), rows.weights(rows.model())
    run(case, 60, 5, files=files)
