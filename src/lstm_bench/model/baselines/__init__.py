"""Models that a trained LSTM must beat: two factors of past returns, ridge and LightGBM."""
