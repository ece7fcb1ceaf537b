"""Returns: risk and performance of a series of daily returns."""
