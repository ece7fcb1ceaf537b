"""Models: the LSTM, packs of members, and the trainer."""
