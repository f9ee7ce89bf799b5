"""Modular addition and products of groups: two operands, one hidden layer, one answer."""
