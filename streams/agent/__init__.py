"""What runs on a loudspeaker: it verifies, journals, waits its turn, sounds, and tells what was heard."""
