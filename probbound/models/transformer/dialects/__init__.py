"""How frameworks say a transformer: one module each, one word in the registry."""
