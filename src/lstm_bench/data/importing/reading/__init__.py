"""Reads files of bars, in any vendor's form, into rows by symbol and day."""
