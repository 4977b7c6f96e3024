"""Pure rules of what partners may see: states, terms, sentences."""
