"""Values that files and options write in their own way: days, durations, seeds, booleans."""
