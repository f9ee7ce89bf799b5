"""The experiments: sweeps over budget, confidence, strategy and size, and what they found.

`python -m studies` makes them all; each is a module with its question at the top.
"""
