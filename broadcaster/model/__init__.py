"""What is decided, and nothing of how it is kept, sent or shown: standard library only."""
