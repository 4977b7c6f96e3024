"""What people fill in about projects, profiles and releases."""
