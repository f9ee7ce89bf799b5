"""Transformers of any depth (docs/networks.md)."""
