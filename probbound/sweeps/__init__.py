"""Sweeps: many certificates from one grid, kept in a store that survives being killed."""
