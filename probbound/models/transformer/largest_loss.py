"""A loss that no row exceeds, from a network's last weights (Theorem 9.10)."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from probbound.machine.errors import UserError
from probbound.models.transformer.architecture import Architecture
from probbound.models.transformer.network import GeneralTransformer

RAISED = 2.0**-20


def largest_loss(model: GeneralTransformer) -> float:
    """A number of nats that no cross-entropy of the network's answers exceeds (Theorem 9.10).

    Raises:
        UserError: if its outcomes are behind neither a norm nor a cap, or there is no such float.
    """
    found = [each for each in (_by_cap(model), _by_norm(model)) if math.isfinite(each)]
    if not found:
        raise UserError(
            f"losses of {model.name} have no largest one, as its outcomes are behind no norm or "
            "cap that bounds them; cut them at a number of nats with --at"
        )
    return min(found)


def largest_loss_flops(model: GeneralTransformer) -> int:
    """Operations of `largest_loss`."""
    a = model.architecture
    if last_norm(a) is None:
        return 0
    columns = a.d_out if a.head == "none" else (7 * a.d_model + 3) * a.d_out
    return columns + 13 * a.d_out + 2 * a.d_model


def last_norm(a: Architecture) -> str | None:
    """The arrays of the norm whose outcome becomes the answer, by what their names begin with."""
    if a.head == "masked":
        return "head.ln"
    if a.final_norm:
        return "ln_final"
    if a.n_layers:
        sublayer = "ln2" if a.d_mlp else "ln1"
        return f"blocks.{a.n_layers - 1}.{sublayer}" if a.norm_place == "post" else None
    return "embed.ln" if a.embedding_norm else None


def _by_cap(model: GeneralTransformer) -> float:
    """From the cap of outcomes; infinite where there is none."""
    a = model.architecture
    if a.logit_cap is None:
        return math.inf
    return (2 * a.logit_cap + math.log(a.d_out)) * (1 + RAISED) + RAISED


def _by_norm(model: GeneralTransformer) -> float:
    """From the last norm; infinite where there is none, and NaN or infinite where floats end."""
    a, place = model.architecture, last_norm(model.architecture)
    if place is None:
        return math.inf
    width, out = a.d_model, a.d_out
    w = _array(model, f"{place}.w", width, 1.0)
    b = _array(model, f"{place}.b", width, 0.0)
    b_U = _array(model, "unembed.b_U", out, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        if a.head == "none":
            stretch, shift, longest = np.abs(w), b, 1.0
        else:
            W_U = model.arrays["unembed.W_U"].astype(np.float64)
            stretch = np.sqrt(((w[:, None] * W_U) ** 2).sum(axis=0))
            shift = b @ W_U + b_U
            longest = math.sqrt(float((W_U * W_U).sum(axis=0).max()))
        reach = math.sqrt(width) * stretch
        highest = reach + shift
        top = float(highest.max())
        found = float((reach - shift).max()) + top + math.log(float(np.exp(highest - top).sum()))
        sizes = 1 + float(reach.max()) + float(np.abs(shift).max())
        sizes += float(np.linalg.norm(b)) * longest + float(np.abs(b_U).max())
    return found * (1 + RAISED) + RAISED * sizes


def _array(
    model: GeneralTransformer, name: str, width: int, idle: float
) -> Float[np.ndarray, " width"]:
    """As stored, or that which changes nothing."""
    values = model.arrays.get(name)
    return np.full(width, idle) if values is None else values.astype(np.float64)
