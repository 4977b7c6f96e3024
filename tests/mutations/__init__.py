"""Take away each predicate of what decides, one at a time, and see whether the tests notice."""
