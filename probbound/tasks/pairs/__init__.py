"""What tasks over pairs of operands share; no task of its own."""
