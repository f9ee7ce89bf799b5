"""What the checker proves itself of attention alone, over product sets (Theorems 10.4 to 10.10)."""
