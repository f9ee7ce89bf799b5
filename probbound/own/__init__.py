"""Own claims: a user's check of one member, a population, and what is certified of them."""
