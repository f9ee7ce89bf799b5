"""Rotary positions as the configurations of transformers say them, those of version 5 and older."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from probbound.machine.errors import UserError
from probbound.models.transformer.dialects.keys import Told

_BASE = 10000.0


def rotation(
    told: Told,
    head: int,
    *,
    share: float = 1.0,
    base_key: str = "rope_theta",
    share_key: str = "partial_rotary_factor",
) -> tuple[int, float]:
    """How many numbers of a head of `head` are turned, and the base of the angles.

    `share` of a head is turned where the configuration does not say; `base_key` and `share_key` are
    those of versions before 5.

    Raises:
        UserError: if the angles are scaled in any way, or it says two things.
    """
    whole = told.any("rope_parameters")
    if told.any("rope_scaling") is not None:
        if whole is not None:
            raise UserError("its configuration says rope_scaling and rope_parameters")
        whole = told.any("rope_scaling")
    inner = _plain({} if whole is None else whole)
    base = _one(inner, told, "rope_theta", base_key, _BASE)
    part = _one(inner, told, "partial_rotary_factor", share_key, share)
    if not 0 <= part <= 1:
        raise UserError(f"its configuration turns a share of {part:g} of a head")
    return int(head * part), base


def _plain(whole: Any) -> Told:
    """Parameters that say no more than the base and the share.

    Raises:
        UserError: naming the kind of scaling, or the key.
    """
    if not isinstance(whole, Mapping):
        raise UserError(f"its configuration says rope_parameters = {str(whole)[:60]!r}, no object")
    inner = Told(whole, ())
    for key in ("rope_type", "type"):
        inner.only(key, "default")
    for key in ("rope_theta", "partial_rotary_factor"):
        inner.any(key)
    inner.require_all_asked()
    return inner


def _one(inner: Told, told: Told, key: str, older: str, default: float) -> float:
    keys = dict.fromkeys((older, key))
    said = [told.number(each) for each in keys if told.any(each) is not None]
    said += [inner.number(key)] if inner.any(key) is not None else []
    if len(set(said)) > 1:
        raise UserError(f"its configuration says {key} twice: {said[0]:g} and {said[-1]:g}")
    return said[0] if said else default
