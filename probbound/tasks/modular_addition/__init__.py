"""Modular addition: a + b mod p."""
