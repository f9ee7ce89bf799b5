"""The experiments: sweeps over budget, confidence, strategy and size, and what they found."""
