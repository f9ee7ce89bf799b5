"""Whether a network is the one that another framework runs: logits side by side."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from probbound.contract.networks import Network
from probbound.machine.errors import UserError
from probbound.models.files import read_npz
from probbound.models.registry import room_of

UNITS = {"float64": 2.0**-53, "float32": 2.0**-24, "float16": 2.0**-11, "bfloat16": 2.0**-8}
MARGIN = 64
TELLING = 0.1  # of the spread of the logits: the most that rounding may explain


@dataclass(frozen=True)
class Reference:
    """The logits of `sequences` sequences agreed: no two differ by more than `allowed`.

    `sha256` is of the file; `allowed` is what a forward pass in `precision` explains.
    """

    sha256: str
    sequences: int
    precision: str
    largest_difference: float
    allowed: float


def agreement(model: Network, path: Path) -> Reference:
    """Compare a model with an `.npz` of `tokens` [n, n_ctx] and `logits` of another framework.

    `logits` are those of the last position, [n, d_vocab_out], or of all, [n, n_ctx, d_vocab_out].
    Their float type is the precision of the other forward pass, unless an entry `precision` names
    it. What it explains is measured: `MARGIN` times the largest error of a forward pass in float32
    here, scaled to the unit roundoff of that precision, since another order of the same operations
    may round otherwise.

    Raises:
        UserError: if the file cannot be used, the logits differ, or their precision is too low for
            the agreement to say anything.
    """
    tokens, logits, precision = _read(model, path)
    exact, rounded = (
        room_of(model).logits(model, tokens, dtype) for dtype in (np.float64, np.float32)
    )
    if not np.isfinite(rounded).all():
        raise UserError(f"the logits of {model.name} are too large to compare with {path}")
    unit = UNITS[precision]
    error = float(np.abs(rounded - exact).max()) / UNITS["float32"] + float(np.abs(exact).max())
    allowed, off = MARGIN * unit * error, np.abs(exact - logits)
    row, j = (int(place) for place in np.unravel_index(off.argmax(), off.shape))
    if not off[row, j] <= allowed:
        raise UserError(
            f"{path} is of another network than {model.name} as it was read: for tokens "
            f"{tokens[row].tolist()} it has logit {j} = {logits[row, j]:.6g}, the model gives "
            f"{exact[row, j]:.6g}, and {precision} explains a difference of at most {allowed:.2g}"
        )
    if not allowed <= TELLING * float(np.ptp(exact)):
        raise UserError(
            f"the logits of {path} are too coarse to compare: {precision} alone explains "
            f"differences of {allowed:.2g}, and logits spread over {np.ptp(exact):.2g}; run the "
            "other framework in float32 or float64"
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Reference(digest, len(tokens), precision, float(off[row, j]), allowed)


def _read(model: Network, path: Path) -> tuple[np.ndarray, np.ndarray, str]:
    sizes = room_of(model).sizes(model)
    if path.suffix != ".npz":
        raise UserError(f"a reference is an .npz with tokens and logits, got {path}")
    if not path.is_file():
        raise UserError(f"there is no reference {path}")
    held = read_npz(path)
    arrays: dict[str, Any] = {**held.beside, **held.tensors}
    for name in ("tokens", "logits"):
        if not isinstance(arrays.get(name), np.ndarray):
            raise UserError(f"{path} has no array {name}; it has to hold tokens and logits")
    tokens, logits = arrays["tokens"], arrays["logits"]
    precision = str(arrays.get("precision", logits.dtype.name))
    if precision not in UNITS:
        raise UserError(f"the logits of {path} are in {precision}, not in {', '.join(UNITS)}")
    if tokens.ndim != 2 or not sizes.reads(tokens.shape[1]) or len(tokens) == 0:
        most = "at most " * sizes.shorter
        raise UserError(f"tokens of {path} must be [n, {most}{sizes.length}], got {tokens.shape}")
    if logits.ndim == 3 and logits.shape[1] == tokens.shape[1]:
        logits = logits[:, -1]
    wanted = (len(tokens), sizes.answers)
    if logits.shape != wanted or logits.dtype.kind != "f":
        raise UserError(
            f"logits of {path} must be floats of shape {wanted}, of all positions or the last "
            f"one, got {arrays['logits'].shape} of {logits.dtype}"
        )
    if tokens.dtype.kind not in "iu" or tokens.min() < 0 or tokens.max() >= sizes.tokens:
        raise UserError(f"tokens of {path} must be integers from 0 to {sizes.tokens - 1}")
    if not np.isfinite(logits).all():
        raise UserError(f"the logits of {path} hold a NaN or an infinity")
    return tokens.astype(np.int64), logits.astype(np.float64), precision
