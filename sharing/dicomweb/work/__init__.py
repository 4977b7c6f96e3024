"""From stored bytes to frames, pictures and files."""
