"""Trading: the portfolio backtest and what it is made of."""
