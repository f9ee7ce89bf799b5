"""Methods that look at a random part of the noise; the registry takes them from `SAMPLED`."""

from __future__ import annotations

from probbound.noise.contract import Method
from probbound.noise.sampled.entries import ENTRIES, ENTRIES_IID
from probbound.noise.sampled.norm_screen import NORM_SCREEN
from probbound.noise.sampled.rows import ROWS
from probbound.noise.sampled.sketch import SKETCH
from probbound.noise.sampled.tiles import TILES

SAMPLED: tuple[Method, ...] = (ENTRIES, ENTRIES_IID, ROWS, TILES, NORM_SCREEN, SKETCH)
