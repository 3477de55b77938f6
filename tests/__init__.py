"""Tests: sentences of the specification; each says what is true of the village."""
