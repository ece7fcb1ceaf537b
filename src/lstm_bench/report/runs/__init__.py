"""Which runs, and how two of them differ."""
