"""Models: the LSTM, packs of replicas, and the trainer."""
