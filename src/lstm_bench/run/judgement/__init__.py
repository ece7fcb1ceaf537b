"""Checks whether the figures of a run can mean something: of its configuration and data, and of its record."""
