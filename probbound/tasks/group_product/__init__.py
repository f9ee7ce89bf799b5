"""Products of a finite group."""
