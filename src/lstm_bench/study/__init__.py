"""Studies: a search space, its trials, and the processes that train them."""
