"""A run's arrays as the long tables that its record holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lstm_bench.evaluate.backtest import BacktestResult
from lstm_bench.evaluate.signal import SignalMetrics

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.model.trainer import Epoch

__all__ = ["daily_table", "epoch_table", "position_table", "sample_table", "signal_table"]


def sample_table(
    name: str,
    values: npt.NDArray[np.floating],
    day: npt.NDArray[np.int64],
    instrument: npt.NDArray[np.int64],
    days: npt.NDArray[np.datetime64],
    instruments: Sequence[str],
) -> pd.DataFrame:
    """Lay one value per sample out, indexed by (datetime, instrument) in that order.

    Parameters
    ----------
    values, day, instrument : ``[S]``
        The value and its position in ``days`` and ``instruments``.
    """
    import pandas as pd

    order = np.lexsort((instrument, day))
    index = pd.MultiIndex.from_arrays(
        [days.astype("datetime64[ns]")[day[order]], np.asarray(instruments, dtype=object)[instrument[order]]],
        names=["datetime", "instrument"],
    )
    return pd.DataFrame({name: values[order]}, index=index)


def epoch_table(epochs: Sequence[Epoch]) -> pd.DataFrame:
    """Lay out a row per epoch: losses, score and seconds."""
    import pandas as pd

    table = pd.DataFrame([asdict(epoch) for epoch in epochs])
    return table.rename(columns={"number": "epoch"}).set_index("epoch")


def signal_table(signal: SignalMetrics, days: npt.NDArray[np.datetime64]) -> pd.DataFrame:
    """Lay IC and Rank IC out by day, and the long-short returns where they were asked for."""
    columns = {"ic": signal.ic, "rank_ic": signal.rank_ic}
    if signal.long_short is not None and signal.long_average is not None:
        columns |= {"long_short": signal.long_short, "long_average": signal.long_average}
    return daily_table(columns, days)


def daily_table(columns: Mapping[str, npt.NDArray[Any]], days: npt.NDArray[np.datetime64]) -> pd.DataFrame:
    """Lay columns ``[T]`` out by ``datetime``."""
    import pandas as pd

    return pd.DataFrame(dict(columns), index=pd.DatetimeIndex(days.astype("datetime64[ns]"), name="datetime"))


def position_table(portfolio: BacktestResult) -> pd.DataFrame:
    """Lay out what is held at each close, indexed by (datetime, instrument)."""
    import pandas as pd

    held = portfolio.positions
    index = pd.MultiIndex.from_arrays(
        [
            portfolio.days.astype("datetime64[ns]")[held.day],
            np.asarray(portfolio.instruments, dtype=object)[held.instrument],
        ],
        names=["datetime", "instrument"],
    )
    columns = {"amount": held.amount, "price": held.price, "weight": held.weight, "days_held": held.days_held}
    return pd.DataFrame(columns, index=index)
