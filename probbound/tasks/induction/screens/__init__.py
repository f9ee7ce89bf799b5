"""Screens of induction: what is proved of whole sets of sequences, and of one by look-ups."""
