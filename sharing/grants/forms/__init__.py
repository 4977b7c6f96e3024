"""What people fill in about partners."""
