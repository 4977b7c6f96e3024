"""What goes on when nobody waits: de-identifying file by file, and filing all of a release at once."""
