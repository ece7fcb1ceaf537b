"""Checks of whether a run's figures are meaningful, by its configuration and data, and by its record."""
