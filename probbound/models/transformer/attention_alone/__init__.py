"""Transformers of attention alone: what they do on whole product sets of sequences."""
