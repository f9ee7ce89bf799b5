"""Numbers: rounded outward, written for people, and products of matrices kept as factors."""
