"""The pages of villagers."""
