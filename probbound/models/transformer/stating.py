"""Which transformer a claim is about: every choice of its configuration."""

from __future__ import annotations

from typing import Any

from probbound.models.transformer.network import GeneralTransformer


def parts_of(model: GeneralTransformer) -> dict[str, dict[str, Any]]:
    """The network as it stands in a claim: every choice, each read in its file."""
    return {
        name: {"value": _plain(value), "source": "read"}
        for name, value in model.architecture.to_json().items()
    }


def _plain(value: Any) -> Any:
    """One number, flag or text; of windows a list in words."""
    if isinstance(value, list):
        return "none" if all(w is None for w in value) else ",".join(map(_word, value))
    return "none" if value is None else value


def _word(window: int | None) -> str:
    return "none" if window is None else str(window)
