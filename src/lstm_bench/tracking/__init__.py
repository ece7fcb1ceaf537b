"""Progress of runs, and the experiment trackers."""
