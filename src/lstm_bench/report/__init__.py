"""Reports: the committed evidence, and the leaderboard and comparisons computed from it."""
