"""Induction: the answer is what followed the last token where it stood before."""
