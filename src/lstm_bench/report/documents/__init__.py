"""Markdown documents with blocks that follow from the evidence."""
