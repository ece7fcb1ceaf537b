"""HTML pages: of a run, of a study, and of the leaderboard."""
