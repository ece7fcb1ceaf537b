"""Checking a data folder: each family of defects has a file, and a report puts them together."""
