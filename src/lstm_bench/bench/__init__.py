"""A fixed configuration over many seeds: candidates, manifest, driver."""
