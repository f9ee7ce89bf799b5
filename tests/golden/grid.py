"""The questions of the golden file, and the digest of the answer to each."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from probbound.certificates.certification import certify
from probbound.contract.claims import ACCURACY, Claim
from probbound.contract.defaults import AUTO
from probbound.draws.priors import Prior
from probbound.machine.errors import UserError
from probbound.models.attention_only.transformer import Transformer
from probbound.tasks.max_of_k.grammar import strategy_names
from probbound.tasks.max_of_k.task import MaxOfK
from tests.factories import copying_model, random_model

MODELS = {
    "copying": lambda: copying_model(0),
    "biases": lambda: random_model(4, biases=True, d_vocab_out=8),
    "two heads": lambda: random_model(5, n_heads=2, biases=True, spread=0.9),
}
CLAIMS = {"accuracy": ACCURACY, "margin": Claim("margin", 0.25), "loss": Claim("loss", None)}
PRIORS = {"uniform": None, "weighted": (3, 1, 2, 1, 1, 4)}
SETTINGS: dict[str, Mapping[str, Any]] = {
    "plain": {"budget": 60},
    "all left": {"budget": 10_000},
    "nothing": {"budget": 0},
    "grid": {"budget": 60, "grid_points": 50},
    "target": {"budget": 60, "target": 0.5},
    "draws": {"budget": 60, "draws": 300},
    "joint": {"budget": 400, "paths": "joint"},
    "chosen δ": {"budget": 60, "delta": "auto"},
}
OFTEN = ("plain", "all left")  # where a noise choice is spelt out


def digests() -> Iterator[tuple[str, str]]:
    """For each model, claim, prior and strategy one digest of the answers to all its settings."""
    names = [AUTO, *strategy_names()]
    for model, claim, prior in itertools.product(MODELS, CLAIMS, PRIORS):
        made = MODELS[model]()
        for name in names:
            settings = SETTINGS if name.count(":") < 2 else {each: SETTINGS[each] for each in OFTEN}
            answers = [
                _answer(made, name, CLAIMS[claim], PRIORS[prior], setting)
                for setting in settings.values()
            ]
            yield f"{model}, {claim}, {prior}, {name}", _sha256("\n".join(answers))[:16]


def _answer(
    model: Transformer,
    strategy: str,
    claim: Claim,
    weights: tuple[int, ...] | None,
    setting: Mapping[str, Any],
) -> str:
    prior = None if weights is None else Prior(weights[: model.d_vocab])
    task = MaxOfK(model.d_vocab, model.n_ctx, prior)
    asked = {"delta": 0.05, **setting}
    try:
        made = certify(model, task, strategy=strategy, claim=claim, **asked).to_json()
    except UserError as error:
        return f"refused: {error}"
    return made["self_sha256"]


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
