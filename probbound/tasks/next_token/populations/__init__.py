"""What rows of tokens come from: a list, a law of each position, a generator."""
