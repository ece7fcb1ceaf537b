"""Jobs on devices: slots, workers, executors and the dispatcher. Nothing here knows Optuna."""
