"""Studies: their definition, their store, and the search."""
