"""Nothing is trained for rows that a user brings."""

from __future__ import annotations

from probbound.tasks.trainable import Option

OPTIONS: tuple[Option, ...] = ()
