"""Checks a data folder: a module for each family of defects, and a report of all."""
