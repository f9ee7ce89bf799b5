"""Logits of the user's own framework in a `.npz` file, against the network computed with here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from probbound.check.models.contract import Subject
from probbound.check.models.files import read_contents
from probbound.check.report import Refused, Unusable

_ROUNDED = 1 + 1e-9
_ROWS = 1 << 13


@dataclass(frozen=True)
class Reference:
    """Tokens (n, k) and the logits (n, out) at their last position, and the file's SHA-256."""

    sha256: str
    tokens: np.ndarray
    logits: np.ndarray
    precision: str | None


def read_reference(path: Path) -> Reference:
    """The logits in a `.npz` file, of the last position or of all.

    Raises:
        Unusable: if the file is missing or damaged, or is no table of logits.
    """
    if path.suffix != ".npz":
        raise Unusable(f"{path} is no file of reference logits: expected .npz")
    arrays = dict(read_contents(path).arrays)
    tokens, logits = arrays.pop("tokens", None), arrays.pop("logits", None)
    precision = arrays.pop("precision", None)
    if tokens is None or logits is None or arrays:
        other = next(iter(arrays), "one of them missing")
        raise Unusable(f"{path} must hold tokens and logits, and perhaps precision: {other[:60]!r}")
    if not (tokens.ndim == 2 and tokens.dtype.kind in "iu" and tokens.size):
        raise Unusable(f"{path} has tokens {tokens.shape} of {tokens.dtype}, no rows of integers")
    if not (logits.ndim in (2, 3) and logits.dtype.kind == "f" and logits.size):
        raise Unusable(f"{path} has logits {logits.shape} of {logits.dtype}, no rows of floats")
    if len(logits) != len(tokens) or logits.shape[1:-1] not in ((), tokens.shape[1:]):
        raise Unusable(f"{path} has logits {logits.shape} for tokens {tokens.shape}")
    if precision is not None and not (precision.size == 1 and precision.dtype.kind in "SU"):
        raise Unusable(f"{path} has a precision that is no text")
    last = logits if logits.ndim == 2 else logits[:, -1]
    named = None if precision is None else _text(precision.item())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Reference(digest, tokens, last.astype(np.float64), named)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")


def said_of(recorded: Mapping[str, Any]) -> str:
    """What a certificate says of its reference, in words."""
    return (
        f"that {recorded['sequences']} rows of logits in {recorded['precision']}, in a file with "
        f"SHA-256 {recorded['sha256']}, differ from those of the network by at most "
        f"{recorded['largest_difference']:.3g}, where {recorded['allowed']:.3g} was allowed"
    )


def agreement(recorded: Mapping[str, Any] | None, reference: Reference, network: Subject) -> str:
    """How well the logits agree with those computed here, in words.

    Raises:
        Refused: if they do not, or if the certificate is not about this file.
    """
    if recorded is None:
        raise Refused("it names no reference, and one is given")
    if recorded["sha256"] != reference.sha256:
        raise Refused(
            f"its reference has digest {recorded['sha256']}, this one has {reference.sha256}"
        )
    if reference.precision not in (None, recorded["precision"]):
        raise Refused(
            f"its reference is said to be in {recorded['precision']}, and says otherwise itself"
        )
    tokens, logits = reference.tokens, reference.logits
    length, vocabulary, out = network.weights.reads
    if len(tokens) != recorded["sequences"]:
        raise Refused(f"its reference has {len(tokens)} rows, not {recorded['sequences']}")
    if tokens.shape[1] != length or logits.shape[1] != out:
        raise Refused(
            f"its reference has rows of {tokens.shape[1]} tokens, {logits.shape[1]} logits"
        )
    if tokens.min() < 0 or tokens.max() >= vocabulary:
        raise Refused(f"its reference has tokens outside of 0 to {vocabulary - 1}")
    parts = [slice(at, at + _ROWS) for at in range(0, len(tokens), _ROWS)]
    found = float(np.max([np.abs(network.logits(tokens[p]) - logits[p]).max() for p in parts]))
    allowed = recorded["allowed"]
    if not found <= allowed * _ROUNDED:
        raise Refused(f"logits differ from its reference by {found:.6g}, more than {allowed:.6g}")
    return (
        f"{len(tokens)} rows of reference logits in {recorded['precision']} differ by at most "
        f"{found:.3g} from those computed here"
    )
