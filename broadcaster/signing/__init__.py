"""Who may speak: envelopes that loudspeakers check, and the one process that seals them."""
