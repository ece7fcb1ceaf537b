"""The LSTM on a processor: products by its BLAS, everything between them compiled for its vector units."""
