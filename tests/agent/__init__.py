"""What runs on a loudspeaker."""
