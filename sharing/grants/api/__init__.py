"""What partners may see and what is sent to them, for programs."""
