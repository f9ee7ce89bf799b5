"""Rows of tokens: whether a network answers them rightly, or as another does."""
