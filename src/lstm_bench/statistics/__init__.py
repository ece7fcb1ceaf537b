"""Intervals, tests and confidence sets of means over seeds and days."""
