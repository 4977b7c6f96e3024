"""Where machines sign in, and where administrators look after them."""
