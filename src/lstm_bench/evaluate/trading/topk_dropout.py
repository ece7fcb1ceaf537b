"""The TopkDropout strategy: hold the best stocks, and each day replace a few of the worst by better ones.

Source: ``TopkDropoutStrategy`` of Qlib, with its list slices of negative stops: if more than ``topk`` stocks are
held, "the first n" of a list is "all but the last -n".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lstm_bench.config.sections.backtest import TopkDropoutKwargs
from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Ints, Reals
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
        """Parameters of a configuration."""
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
    score: Reals,
    held: Ints,
    quotes: Quotes,
    costs: TradingCosts,
    params: StrategyParams,
    t: int,
    stream: npt.NDArray[np.uint32],
) -> tuple[Ints, Ints]:
    """Choose the stocks to sell and to buy.

    ``score [N]`` is that of the day before, NaN if there is none; the columns ``held [H]`` ascend. If the parameters
    say so, only stocks that are tradable on day ``t`` are chosen from. Returns sells, buys: columns; ``sells``
    ascending, ``buys`` in the order in which cash goes to them.
    """
    N = len(score)
    is_held = among(held, N)
    ranked = best_first(np.nonzero(~np.isnan(score))[0], score)
    size = params.n_drop + params.topk - len(held)
    if params.buy_random:
        top = _first(ranked, params.topk, quotes, costs, params, t)
        newcomers = choose(top[~is_held[top]], size, stream)
    else:
        newcomers = _first(ranked[~is_held[ranked]], size, quotes, costs, params, t)
    if params.sell_random:
        last = best_first(held, score)
        sells = held
        if len(held):
            sells = choose(_eligible(last, quotes, costs, params, t), params.n_drop, stream)
    else:
        # among holdings and newcomers, so that no stock is sold to buy one with a lower score
        both = best_first(np.nonzero(is_held | among(newcomers, N))[0], score)
        worst = _last(both, params.n_drop, quotes, costs, params, t)
        sells = worst[is_held[worst]]
    sells = np.nonzero(among(sells, N))[0]
    return sells, newcomers[: len(sells) + params.topk - len(held)]


@kernel()
def _eligible(columns: Ints, quotes: Quotes, costs: TradingCosts, params: StrategyParams, t: int) -> Ints:
    """Keep the tradable stocks if ``only_tradable`` is set, else all."""
    if not params.only_tradable:
        return columns
    keep = np.empty(len(columns), dtype=np.bool_)
    for i in range(len(columns)):
        keep[i] = tradable(quotes, costs, t, columns[i], EITHER)
    return columns[keep]


@kernel()
def _first(
    columns: Ints, n: int, quotes: Quotes, costs: TradingCosts, params: StrategyParams, t: int
) -> Ints:
    """Take the first ``n`` eligible stocks.

    With ``only_tradable``, Qlib takes at least one; without it, a negative ``n`` leaves out the last ones.
    """
    if params.only_tradable:
        return _eligible(columns, quotes, costs, params, t)[: max(n, 1)]
    return columns[:n]


@kernel()
def _last(columns: Ints, n: int, quotes: Quotes, costs: TradingCosts, params: StrategyParams, t: int) -> Ints:
    """Take the last ``n`` eligible stocks; for ``n = 0``, Qlib takes one with ``only_tradable``, and else all."""
    if params.only_tradable:
        return _eligible(columns, quotes, costs, params, t)[-max(n, 1) :]
    return columns[-n:] if n > 0 else columns
