"""Studies and trials in an Optuna storage: opening, locking, reading and writing it."""
