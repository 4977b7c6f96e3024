"""What there is of tokens and of machines, for those who may know."""
