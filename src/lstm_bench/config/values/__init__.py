"""Values with a text form of their own in files and options: days, durations, seeds, booleans."""
