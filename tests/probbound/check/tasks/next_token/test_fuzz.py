"""Every field of a certificate over rows altered: refused, or shown to be still true."""

import json

import pytest

import probbound
from probbound.models.store import save_model
from tests.probbound.check.test_fuzz import run
from tests.probbound.tasks.next_token import rows

QUESTIONS = {
    "all rows": {"strategy": "brute-force"},
    "iid": {"budget": 30},
    "iid of all": {"budget": 50},
    "chosen": {"budget": 30, "seed": 3},
    "beacon": {"budget": 30, "beacon": "public"},
    "target": {"budget": 40, "target": 0.6},
    "interrupted": {"budget": 30, "stopped_at": 20},
    "nothing": {"budget": 0},
    "auto": {"strategy": "auto", "budget_flops": 1.3e5},
    "margin": {"budget": 30, "claim": probbound.Claim("margin", 0.2)},
    "float64": {"budget": 30, "arithmetic": "float64"},
    "against": {"budget": 30, "compared": True},
    "against in float64": {"budget": 30, "compared": True, "arithmetic": "float64"},
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_altered_fields_are_refused_or_weaker(question, tmp_path):
    asked = {"strategy": "iid", "delta": 0.1, **QUESTIONS[question]}
    other = rows.model("other", 0.02) if asked.pop("compared", False) else None
    task = rows.task(arithmetic=asked.pop("arithmetic", "real"), against=other)
    files = dict(rows.saved(tmp_path))
    if other is not None:
        files["against"] = tmp_path / "other.safetensors"
        save_model(other, files["against"])
    made = probbound.certify(rows.model(), task, **asked)
    case = json.loads(json.dumps(made.to_json())), rows.weights(rows.model())
    run(case, 100, 5, files=files)
