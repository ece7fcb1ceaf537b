"""Decides whether the files' prices are raw or adjusted, and adjusts them by Qlib's convention."""
