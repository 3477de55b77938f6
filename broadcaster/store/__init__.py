"""The book: one SQL database that holds what is true, and the thread that writes it."""
