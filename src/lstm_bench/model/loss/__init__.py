"""Losses: of a sample, and of whole days."""
