"""CAP 1.2 as it arrives and leaves: XML to the model's alert, and back."""
