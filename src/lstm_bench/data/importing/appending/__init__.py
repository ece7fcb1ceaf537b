"""Extends a Qlib data folder by new days."""
