"""Reports: the committed evidence, and the leaderboard and comparisons that follow from it."""
