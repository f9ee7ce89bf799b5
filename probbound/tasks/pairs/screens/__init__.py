"""Screens of pairs of operands: what each certifies, on one pair and on all of them."""
