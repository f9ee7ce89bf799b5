"""The kinds of certificates, and where each is made, checked and shown: one entry a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from probbound.cli.loading import loading
from probbound.contract.claims import is_own_claim


class Kind(NamedTuple):
    """A format, which subjects it is made of, and `module:function` for each command.

    `certify(subject, asked)` makes and prints one; `verify(predicate, asked)` gives the report, how
    fresh samples fared, and the claim in words; `page(predicate)` is Markdown.
    """

    format: str
    takes: Callable[[str], bool]
    certify: str
    verify: str
    page: str


def _others(_: str) -> bool:
    return True


KINDS = (
    Kind(
        "probbound-own-claim/1",
        is_own_claim,
        "probbound.cli.own_claim:certify_own_claim",
        "probbound.cli.own_claim:verify_own_claim",
        "probbound.certificates.own_card:page",
    ),
    Kind(
        "probbound-certificate/4",
        _others,
        "probbound.cli.certify:certify_network",
        "probbound.cli.verify:verify_network",
        "probbound.certificates.model_card:page",
    ),
)


def kind_made_of(subject: str) -> Kind:
    """The kind of certificate that is made of what is named on the command line."""
    return next(kind for kind in KINDS if kind.takes(subject))


def kind_of(predicate: Mapping[str, Any]) -> Kind:
    """The kind of a certificate that was read, whose format is therefore known."""
    return next(kind for kind in KINDS if kind.format == predicate["format"])


def loaded(place: str) -> Callable[..., Any]:
    """The function at `module:function`, imported now."""
    module, _, name = place.partition(":")
    with loading():
        return getattr(import_module(module), name)
