"""Pages on which people say what partners may see, and send to them."""
