"""All that moves: events, the lines to loudspeakers, and what runs on a loudspeaker."""
