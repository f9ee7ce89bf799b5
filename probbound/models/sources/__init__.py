"""Where networks come from: one module a file format, one word in the registry."""
