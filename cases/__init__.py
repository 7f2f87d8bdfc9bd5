"""What a case is, and what may happen to it."""
