"""What holds for releases whoever asks: states and moves. Pure."""
