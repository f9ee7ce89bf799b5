"""What a strategy would give, and which to take, foreseen from a pilot that certifies nothing."""
