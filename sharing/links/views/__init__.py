"""The pages of share links: for those who give them, and for those who open them."""
