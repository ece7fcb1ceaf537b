"""Markdown documents with blocks that are generated from the evidence."""
