"""Certificates of own claims, checked again (docs/own-claims.md, docs/theory.md chapter 7)."""
