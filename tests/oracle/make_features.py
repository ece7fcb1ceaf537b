"""Writes pyqlib's values of expressions on a small market of hard cases.

Run as ``python make_features.py OUT``. The market is made here, from a fixed seed, and written as a Qlib
folder for pyqlib and as ``features_bars.parquet`` for the tests. Nobody has a ``vwap``.

| code | hard case |
|---|---|
| SH600001 | none, but it is the index that ChangeInstrument reads |
| SH600002 | suspended for 3 days, and for 66 |
| SH600003 | listed in the middle |
| SH600004 | twelve equal closes in a row; days without volume |
| SH600005 | no longer listed after three quarters |
| SH600006 | prices so low that their deviations are near 2e-5 |
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ask_features import ask  # type: ignore[import-not-found,unused-ignore]

SEED = 20
DAYS = 180
START = 70
FIELDS = ("open", "high", "low", "close", "volume")
INDEX = "SH600001"

# Every operator, at ordinary, smallest, expanding (0) and exponential (a fraction) windows.
ROLLING = ("Mean", "Sum", "Std", "Var", "Max", "Min", "Med", "Count")
OPERATORS = [
    *(f"{name}($close, {n})" for name in ROLLING for n in (1, 2, 7, 0, 0.2)),
    *(f"{name}($close, {n})" for name in ("Skew", "Kurt") for n in (4, 20, 0)),
    *(f"{name}($volume, {n})" for name in ("IdxMax", "IdxMin", "Rank", "Mad", "WMA") for n in (1, 6, 0)),
    *(f"{name}($close, {n})" for name in ("Slope", "Rsquare", "Resi") for n in (2, 9, 60, 0)),
    *(f"EMA($close, {n})" for n in (1, 12, 0.3, 0)),
    *(f"Quantile($close, {n}, {q})" for n in (1, 8, 0) for q in (0, 0.33, 0.5, 1)),
    *(f"{name}($close, $volume, {n})" for name in ("Corr", "Cov") for n in (1, 3, 20)),
    *(f"{name}($close, {n})" for name in ("Ref", "Delta") for n in (3, 0, -2)),
    "Rolling($close, 4, 'mean')",
    "Corr($close/Ref($close, 1), Log($volume/Ref($volume, 1)+1), 5)",
    "Corr($close, Ref($close, -1), 10)",
    "Abs($open-$close)",
    "Sign($close-Ref($close, 1))",
    "Sign($close>$open)",
    "Log($close>$open)",
    "($close>$open)*1.5-($close>$open)/2",
    "Mean(($close>$open)*1.5, 3)",
    "Log($volume)",
    "Mean(Log($volume), 4)",
    "Max(Log($volume), 3)",
    "Count(Log($volume), 3)",
    "Slope(Log($volume+1), 5)",
    "Power($close, 2)",
    "$close**0.5",
    "2**($close/$open)",
    "$close**0",
    "Greater($open, $close)-Less($open, $close)",
    "Greater($close-Ref($close, 1), 0)",
    "Mean($close>Ref($close, 1), 5)-Mean($close<Ref($close, 1), 5)",
    "Sum(($close>=$open)&($volume>0), 6)",
    "Sum(($close<=$open)|Eq($volume, 0), 6)",
    "Count($close==Ref($close, 1), 4)",
    "Mean(Not($close!=Ref($close, 1)), 4)",
    "And(Gt($close, $open), Ge($close, Ref($close, 1)))",
    "Or(Lt($close, $open), Le($close, Ref($close, 1)))",
    "Ne($close, $open)+Eq($close, $open)",
    "If($close>$open, $high, $low)",
    "If($close>$open, 1, Ref($close, 1))",
    "If($close, 1, 0)",
    "Ref($close>$open, 2)",
    "Mean(Ref($close>$open, 1), 3)",
    "Std(Abs($close/Ref($close, 1)-1)*$volume, 5)/(Mean(Abs($close/Ref($close, 1)-1)*$volume, 5)+1e-12)",
    "Mean(Ref($close, -2), 5)",
    "Ref(Mean($close, 5), -1)/Ref($close, 1)",
    "EMA($close, 12)-EMA($close, 26)",
    "EMA(EMA($close, 12)-EMA($close, 26), 9)",
    "Mean(Delta($close, 3), 4)",
    "$volume/0",
    "0/$volume",
    "1-$close",
    "(1+2)*3/$close-(-1)",
    f"$close/ChangeInstrument('{INDEX}', $close)",
    f"ChangeInstrument('{INDEX}', Mean($close, 5)/$close)-$close/Ref($close, 1)",
    f"Mask($close, '{INDEX}')/$close",
    "$vwap/$close",
    "Mean($vwap, 5)",
    "Count($vwap, 5)",
    "Mean($vwap, 5)+$close",
    "$vwap**0",
]


def make_market(rng: np.random.Generator) -> dict[str, tuple[int, pd.DataFrame]]:
    """Code -> calendar position of the first bar, and the bars."""
    market = {}
    for number in range(1, 7):
        begin, end = {3: (90, DAYS), 5: (0, 135)}.get(number, (0, DAYS))
        days = end - begin
        close = 10.0 * number * np.exp(np.cumsum(rng.normal(0.0, 0.02, days)))
        open_ = close * np.exp(rng.normal(0.0, 0.01, days))
        bars = pd.DataFrame(
            {
                "open": open_,
                "high": np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.02, days)),
                "low": np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.02, days)),
                "close": close,
                "volume": np.round(np.exp(rng.normal(14.0, 1.0, days))),
            }
        )
        if number == 2:
            bars.iloc[20:23] = np.nan
            bars.iloc[80:146] = np.nan
        if number == 4:
            bars.loc[100:111, ["open", "high", "low", "close"]] = bars["close"].iloc[100]
            bars.loc[[75, 101, 102, 120, 121, 122, 123, 124], "volume"] = 0.0
        if number == 6:
            bars[["open", "high", "low", "close"]] *= 2e-5
        market[f"SH60000{number}"] = begin, bars.astype(np.float32)
    return market


def write_folder(root: Path, calendar: pd.DatetimeIndex, market: dict[str, tuple[int, pd.DataFrame]]) -> None:
    (root / "calendars").mkdir(parents=True)
    (root / "instruments").mkdir()
    days = [str(day.date()) for day in calendar]
    (root / "calendars" / "day.txt").write_text("\n".join(days) + "\n")
    lines = [
        f"{code}\t{days[begin]}\t{days[begin + len(bars) - 1]}\n" for code, (begin, bars) in market.items()
    ]
    (root / "instruments" / "all.txt").write_text("".join(lines))
    for code, (begin, bars) in market.items():
        folder = root / "features" / code.lower()
        folder.mkdir(parents=True)
        for field in FIELDS:
            np.hstack([begin, bars[field]]).astype("<f4").tofile(folder / f"{field}.day.bin")


def sets() -> list[str]:
    """Every expression of Alpha158, Alpha360 and their label."""
    from qlib.contrib.data.loader import Alpha158DL, Alpha360DL

    label = "Ref($close, -2)/Ref($close, -1) - 1"
    return [*Alpha158DL.get_feature_config()[0], *Alpha360DL.get_feature_config()[0], label]


# Arguments of Alpha158DL.get_feature_config: each group alone, in parts, with its defaults, and all of them.
OPTIONS: list[dict[str, Any]] = [
    {"kbar": {}},
    {"price": {}},
    {"price": {"windows": [0, 3], "feature": ["CLOSE", "HIGH"]}},
    {"volume": {}},
    {"volume": {"windows": [2, 0]}},
    {"rolling": {}},
    {"rolling": {"windows": [7], "include": ["ROC", "LOW", "CORD", "VSUMD"]}},
    {"rolling": {"windows": [5, 10], "exclude": ["RANK", "LOW"]}},
    {"rolling": {"windows": [20], "include": ["MA", "RANK", "MAX"], "exclude": ["RANK"]}},
    {"rolling": {"windows": [3]}, "volume": {"windows": [1]}, "price": {"windows": [1]}, "kbar": {}},
]


def chosen() -> list[dict[str, Any]]:
    """Return the columns that Alpha158's options choose."""
    from qlib.contrib.data.loader import Alpha158DL

    found = []
    for options in OPTIONS:
        expressions, names = Alpha158DL.get_feature_config(options)
        columns = dict(zip(names, expressions, strict=True))
        found.append({"options": options, "columns": columns})
    return found


def main() -> None:
    out = Path(sys.argv[1])
    calendar = pd.bdate_range("2020-01-01", periods=DAYS)
    market = make_market(np.random.default_rng(SEED))
    start, end = (str(calendar[position].date()) for position in (START, DAYS - 3))
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder) / "market", calendar, market)
        tables = {
            name: ask(Path(folder) / "market", list(market), start, end, expressions)
            for name, expressions in (("operators", OPERATORS), ("sets", sets()))
        }
    texts = {"operators": OPERATORS, "sets": sets()}
    parts = []
    for name, table in tables.items():
        place = calendar.get_indexer(table["datetime"])
        # the sets are many: every ninth day of them will do
        table = table[place % 9 == 0] if name == "sets" else table
        long = table.melt(["datetime", "instrument"], var_name="expression", value_name="value")
        long["expression"] = [texts[name][int(position)] for position in long["expression"]]
        parts.append(long)
    values = pd.concat(parts, ignore_index=True)
    for column in ("instrument", "expression"):
        values[column] = values[column].astype("category")
    values.to_parquet(out / "features_values.parquet", index=False, compression="zstd")
    bars = pd.concat(
        bars.assign(instrument=code, datetime=calendar[begin : begin + len(bars)])
        for code, (begin, bars) in market.items()
    )
    bars.to_parquet(out / "features_bars.parquet", index=False, compression="zstd")
    days = {"calendar": [str(day.date()) for day in calendar], "start": start, "end": end}
    (out / "features.json").write_text(json.dumps(days | {"alpha158": chosen()}) + "\n")


if __name__ == "__main__":
    main()
