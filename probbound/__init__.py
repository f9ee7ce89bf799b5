"""High-confidence bounds on what a trained network does.

Names are loaded when first used, so that `import probbound` and its JAX-free parts stay light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probbound.arithmetic.factored import FactoredMatrix
    from probbound.certificates.certificate import Certificate
    from probbound.certificates.certification import certify
    from probbound.certificates.format import read_certificate
    from probbound.contract.claims import Claim
    from probbound.draws.priors import Prior, read_prior
    from probbound.machine.errors import UserError
    from probbound.models.attention_only.paths import noise_term
    from probbound.models.attention_only.transformer import Transformer
    from probbound.models.catalogue import shipped_names
    from probbound.models.importing import import_model
    from probbound.models.registry import load
    from probbound.models.store import read_model, save_model
    from probbound.noise.term import NoiseTerm
    from probbound.own.certificate import OwnCertificate
    from probbound.own.family import bound_family
    from probbound.own.given import Given
    from probbound.own.mean import bound_difference, bound_mean
    from probbound.own.screens import Cheap, Left
    from probbound.own.share import bound_share
    from probbound.populations.drawn import Drawn
    from probbound.populations.listed import Listed
    from probbound.populations.product import Product
    from probbound.populations.sequences import Sequences
    from probbound.populations.strata import Strata
    from probbound.sweeps.config import SweepConfig
    from probbound.sweeps.run import run_sweep
    from probbound.tasks.max_of_k.task import MaxOfK
    from probbound.tasks.max_of_k.training import train
    from probbound.tasks.next_token.populations.generator import RowGenerator
    from probbound.tasks.next_token.populations.law import RowLaw
    from probbound.tasks.next_token.task import NextToken
    from probbound.tasks.registry import strategy_names, task_for

__version__ = "0.2.0"

_HOMES = {
    "Certificate": "probbound.certificates.certificate",
    "Cheap": "probbound.own.screens",
    "Claim": "probbound.contract.claims",
    "Drawn": "probbound.populations.drawn",
    "FactoredMatrix": "probbound.arithmetic.factored",
    "MaxOfK": "probbound.tasks.max_of_k.task",
    "Given": "probbound.own.given",
    "Left": "probbound.own.screens",
    "Listed": "probbound.populations.listed",
    "NextToken": "probbound.tasks.next_token.task",
    "NoiseTerm": "probbound.noise.term",
    "OwnCertificate": "probbound.own.certificate",
    "Prior": "probbound.draws.priors",
    "Product": "probbound.populations.product",
    "RowGenerator": "probbound.tasks.next_token.populations.generator",
    "RowLaw": "probbound.tasks.next_token.populations.law",
    "Sequences": "probbound.populations.sequences",
    "Strata": "probbound.populations.strata",
    "SweepConfig": "probbound.sweeps.config",
    "Transformer": "probbound.models.attention_only.transformer",
    "UserError": "probbound.machine.errors",
    "bound_difference": "probbound.own.mean",
    "bound_family": "probbound.own.family",
    "bound_mean": "probbound.own.mean",
    "bound_share": "probbound.own.share",
    "certify": "probbound.certificates.certification",
    "import_model": "probbound.models.importing",
    "load": "probbound.models.registry",
    "noise_term": "probbound.models.attention_only.paths",
    "read_certificate": "probbound.certificates.format",
    "read_model": "probbound.models.store",
    "read_prior": "probbound.draws.priors",
    "run_sweep": "probbound.sweeps.run",
    "save_model": "probbound.models.store",
    "shipped_names": "probbound.models.catalogue",
    "strategy_names": "probbound.tasks.registry",
    "task_for": "probbound.tasks.registry",
    "train": "probbound.tasks.max_of_k.training",
}

__all__ = [
    "Certificate",
    "Cheap",
    "Claim",
    "Drawn",
    "FactoredMatrix",
    "Given",
    "Left",
    "Listed",
    "MaxOfK",
    "NextToken",
    "NoiseTerm",
    "OwnCertificate",
    "Prior",
    "Product",
    "RowGenerator",
    "RowLaw",
    "Sequences",
    "Strata",
    "SweepConfig",
    "Transformer",
    "UserError",
    "bound_difference",
    "bound_family",
    "bound_mean",
    "bound_share",
    "certify",
    "import_model",
    "load",
    "noise_term",
    "read_certificate",
    "read_model",
    "read_prior",
    "run_sweep",
    "save_model",
    "shipped_names",
    "strategy_names",
    "task_for",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'probbound' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
