"""Jobs on devices: slots, workers, executors and the dispatcher. Independent of Optuna."""
