"""What a run tells while it works, and the trackers that hear it."""
