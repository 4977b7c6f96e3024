"""What people fill in about partners and what is sent to them."""
