"""Imports files of bars into a Qlib data folder."""
