"""What can be asked for, and in which form it is answered (PS3.18 chapters 8 and 10)."""
