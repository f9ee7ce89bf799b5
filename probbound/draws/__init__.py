"""Randomness: counter-based streams, and exact laws of tokens."""
