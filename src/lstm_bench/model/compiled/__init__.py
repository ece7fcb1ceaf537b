"""The LSTM on a processor: compiled for its vector units, products and all."""
