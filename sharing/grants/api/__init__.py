"""What partners may see, for programs."""
