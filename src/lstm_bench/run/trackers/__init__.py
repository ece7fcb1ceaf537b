"""Trackers: each in a process of its own, which may fail, hang or vanish without harm."""
