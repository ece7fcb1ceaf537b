"""Executors: where the workers of a study run."""
