"""Trading: the portfolio backtest and its parts."""
