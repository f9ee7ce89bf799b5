"""What strategies are asked and answer in: claims, costs, spends of δ."""
