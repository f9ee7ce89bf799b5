"""What the checker shares between tasks over pairs; no task itself."""
