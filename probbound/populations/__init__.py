"""Populations that claims are about: index tuples, token sequences, lists, samplers, mixtures."""
