"""Bars: panels, the providers that read them, and the synthetic market."""
