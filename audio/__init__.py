"""Sound only: from text to a finished recording, and from a recording to a loudspeaker."""
