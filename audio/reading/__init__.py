"""From what was written to what is to be said."""

from audio.reading.reader import RULES_VERSION, Hint, Reading, read
from audio.reading.splitting import SPLIT_VERSION, sentences

__all__ = ["RULES_VERSION", "SPLIT_VERSION", "Hint", "Reading", "read", "sentences"]
