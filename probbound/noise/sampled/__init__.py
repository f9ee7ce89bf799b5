"""Methods that look at a random part of the noise; the registry takes them from `SAMPLED`."""

from __future__ import annotations

from probbound.noise.contract import Method

SAMPLED: tuple[Method, ...] = ()
