"""Selection of runs, and differences between two."""
