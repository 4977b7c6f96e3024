"""What pages and programs read of projects, profiles and releases."""
