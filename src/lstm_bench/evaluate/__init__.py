"""Evaluation: signal metrics, the portfolio backtest and risk."""
