"""Pages on which people say what partners may see."""
