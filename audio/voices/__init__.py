"""Voices: each turns one sentence of plain Chinese into samples."""
