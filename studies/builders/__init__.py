"""Kinds of models that studies make by name, a module each; the word is in `studies.models`."""
