"""What people do with projects, profiles and releases; each write stands with its audit row."""
