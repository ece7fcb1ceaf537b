"""Trade on a file of scores with pyqlib: ``python trade_signal.py PROVIDER SCORES OUT``.

SCORES is Parquet as ``lstm-bench predict`` writes it. It is passed to the strategy as it is read, as its ``signal``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

import pandas as pd
import qlib
from qlib.backtest.position import Position
from qlib.contrib.evaluate import backtest_daily
from qlib.contrib.strategy import TopkDropoutStrategy


def main(provider: str, scores: str, out: Path) -> None:
    qlib.init(provider_uri=provider, region="cn", kernels=1, logging_level=40)
    signal = pd.read_parquet(scores)
    days = signal.index.unique("datetime")
    strategy = TopkDropoutStrategy(signal=signal, topk=5, n_drop=1)
    held: Any = Position.get_stock_list
    # pyqlib walks its holdings as a set, in an order that changes from run to run
    with mock.patch.object(Position, "get_stock_list", lambda self: sorted(held(self))):
        report, _ = backtest_daily(
            start_time=days[0],
            end_time=days[-2],  # pyqlib fails at the calendar's last day
            strategy=strategy,
            account=1_000_000,
            exchange_kwargs={
                "limit_threshold": 0.095,
                "deal_price": "close",
                "open_cost": 0.0005,
                "close_cost": 0.0015,
                "min_cost": 5,
            },
        )
    report.to_parquet(out / "report.parquet")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
