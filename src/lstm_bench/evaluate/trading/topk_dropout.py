"""The TopkDropout strategy: hold the best, and each day swap a few of the worst for better ones.

Source: ``TopkDropoutStrategy`` of Qlib, whose list slices with a negative stop are kept: where more than
``topk`` are held, "the first n" of a list is "all but the last -n".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.backtest import TopkDropoutKwargs
from lstm_bench.core.kernel import kernel
from lstm_bench.evaluate.ranking import among, best_first
from lstm_bench.evaluate.trading.exchange import EITHER, Quotes, TradingCosts, tradable
from lstm_bench.evaluate.trading.numpy_random import choose

__all__ = ["StrategyParams", "decide"]


class StrategyParams(NamedTuple):
    """The strategy's parameters; see ``TopkDropoutKwargs``."""

    topk: int
    n_drop: int
    sell_random: bool
    buy_random: bool
    hold_thresh: int
    only_tradable: bool
    forbid_all_trade_at_limit: bool
    risk_degree: float

    @classmethod
    def of(cls, config: TopkDropoutKwargs) -> StrategyParams:
        """StrategyParams of a configuration."""
        return cls(
            config.topk,
            config.n_drop,
            config.method_sell == "random",
            config.method_buy == "random",
            config.hold_thresh,
            config.only_tradable,
            config.forbid_all_trade_at_limit,
            config.risk_degree,
        )


@kernel()
def decide(
    score: npt.NDArray[np.floating],
    held: npt.NDArray[np.int64],
    quotes: Quotes,
    terms: TradingCosts,
    rules: StrategyParams,
    t: int,
    stream: npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Choose what to sell and what to buy.

    Parameters
    ----------
    score : ``[N]``
        Scores of the day before; NaN is none.
    held : ``[H]``
        Columns held, ascending.
    t
        The trading day, which tells the tradable stocks where the rules ask for them.
    stream
        The random stream; it is advanced.

    Returns
    -------
    sells, buys
        Columns; ``sells`` ascending, ``buys`` in the order in which cash goes to them.
    """
    N = len(score)
    is_held = among(held, N)
    ranked = best_first(np.nonzero(~np.isnan(score))[0], score)
    wanted = rules.n_drop + rules.topk - len(held)
    if rules.buy_random:
        top = _first(ranked, rules.topk, quotes, terms, rules, t)
        today = choose(top[~is_held[top]], wanted, stream)
    else:
        today = _first(ranked[~is_held[ranked]], wanted, quotes, terms, rules, t)
    if rules.sell_random:
        last = best_first(held, score)
        sells = held
        if len(held):
            sells = choose(_of_interest(last, quotes, terms, rules, t), rules.n_drop, stream)
    else:
        # among holdings and newcomers, so that nothing is sold to buy what scores less
        both = best_first(np.nonzero(is_held | among(today, N))[0], score)
        worst = _last(both, rules.n_drop, quotes, terms, rules, t)
        sells = worst[is_held[worst]]
    sells = np.nonzero(among(sells, N))[0]
    return sells, today[: len(sells) + rules.topk - len(held)]


@kernel()
def _of_interest(
    columns: npt.NDArray[np.int64], quotes: Quotes, terms: TradingCosts, rules: StrategyParams, t: int
) -> npt.NDArray[np.int64]:
    """Keep the tradable ones where the rules say so, else all."""
    if not rules.only_tradable:
        return columns
    keep = np.empty(len(columns), dtype=np.bool_)
    for i in range(len(columns)):
        keep[i] = tradable(quotes, terms, t, columns[i], EITHER)
    return columns[keep]


@kernel()
def _first(
    columns: npt.NDArray[np.int64], n: int, quotes: Quotes, terms: TradingCosts, rules: StrategyParams, t: int
) -> npt.NDArray[np.int64]:
    """Take the first ``n`` of interest.

    Among the tradable, Qlib takes at least one; else, a negative ``n`` leaves out the last.
    """
    if rules.only_tradable:
        return _of_interest(columns, quotes, terms, rules, t)[: max(n, 1)]
    return columns[:n]


@kernel()
def _last(
    columns: npt.NDArray[np.int64], n: int, quotes: Quotes, terms: TradingCosts, rules: StrategyParams, t: int
) -> npt.NDArray[np.int64]:
    """Take the last ``n`` of interest; for ``n = 0``, Qlib takes one of the tradable, or else all."""
    if rules.only_tradable:
        return _of_interest(columns, quotes, terms, rules, t)[-max(n, 1) :]
    return columns[-n:] if n > 0 else columns
