"""The leaderboard: rows, their statistics, and tables of them."""
