"""Compiled training on the CPU: threads over micro-batches that stay in cache."""
