"""Runs: from a configuration and a seed to a complete record."""
