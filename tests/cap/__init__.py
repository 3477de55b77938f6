"""CAP 1.2: what is read, what is refused, and what is written."""
