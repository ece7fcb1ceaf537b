"""Shared basics: errors, compiled kernels, atomic files, processes."""
