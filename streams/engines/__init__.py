"""Engines: what runs stages over the log, each behind the same contract."""
