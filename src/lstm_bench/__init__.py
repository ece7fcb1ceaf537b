"""Benchmark LSTM models on Qlib's Alpha158 and Alpha360 feature sets."""

__all__ = ["__version__"]

__version__ = "0.1.0"
