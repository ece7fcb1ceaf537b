"""Tables of a run's report."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_bench.core.counting import counted
from lstm_bench.report.figures.figure import day_texts
from lstm_bench.report.figures.months import MONTHS, month_grid, yearly
from lstm_bench.report.figures.portfolio import series_of
from lstm_bench.report.pages.page import Cell, PageTable, cell, item_table, pair_table, percent
from lstm_bench.report.runs.difference import flatten

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.record.scoring_model import ScoringModel

__all__ = [
    "drawdown_table",
    "group_table",
    "holding_table",
    "ic_years",
    "metric_table",
    "model_table",
    "month_table",
    "provenance_table",
    "recorded_risk",
    "risk_tables",
    "signal_table",
    "tail_table",
]

SERIES = {
    "excess_return_with_cost": "Excess, with cost",
    "excess_return_without_cost": "Excess, without cost",
    "return_with_cost": "Account, with cost",
    "return_without_cost": "Account, without cost",
    "bench": "Benchmark",
}
"""Name in the record -> name in the tables."""

_RISK = {
    "annualized_return": ("Return a year", ".2%"),
    "total_return": ("Total return", ".2%"),
    "mean": ("Mean of a day", ".4%"),
    "std": ("Standard deviation of a day", ".3%"),
    "information_ratio": ("Information ratio", ".3f"),
    "sortino_ratio": ("Sortino ratio", ".3f"),
    "calmar_ratio": ("Calmar ratio", ".3f"),
    "max_drawdown": ("Max drawdown", ".2%"),
    "longest_drawdown_days": ("Longest drawdown, days", ".0f"),
    "current_drawdown": ("Current drawdown", ".2%"),
    "current_drawdown_days": ("Current drawdown, days", ".0f"),
    "hit_rate_month": ("Months above 0", ".1%"),
}
_TAIL = {
    "days": ("Days", ".0f"),
    "hit_rate": ("Days above 0", ".1%"),
    "best_day": ("Best day", ".2%"),
    "worst_day": ("Worst day", ".2%"),
    "var_95": ("Value at risk, 95 %", ".2%"),
    "cvar_95": ("Expected shortfall, 95 %", ".2%"),
    "var_99": ("Value at risk, 99 %", ".2%"),
    "cvar_99": ("Expected shortfall, 99 %", ".2%"),
    "skew": ("Skew", ".3f"),
    "kurtosis": ("Excess kurtosis", ".3f"),
}
_STRONG_MONTH, _STRONG_YEAR = 0.1, 0.4
"""Returns with the full tint."""

_CONVENTIONS = {
    "summed_238": (
        "Risk, summed, 238 days a year",
        "Qlib's convention, used in the leaderboard: daily returns are summed, a year has 238 days.",
    ),
    "compounded_252": (
        "Risk, compounded, 252 days a year",
        "The usual convention: returns are reinvested, a year has 252 days.",
    ),
}


def risk_tables(returns: Mapping[str, Any]) -> Iterator[PageTable]:
    """Show the risk of each series in both conventions; ``returns`` is of a record's analysis."""
    for convention, (title, reading) in _CONVENTIONS.items():
        columns = {name: returns[name][convention] for name in SERIES if name in returns}
        yield _series_table(convention, title, reading, _RISK, columns)


def recorded_risk(metrics: Mapping[str, float]) -> PageTable:
    """Show the risk in ``metrics.json``, in Qlib's convention."""
    title, reading = _CONVENTIONS["summed_238"]
    columns = {
        name: {key: metrics.get(f"1day.{name}.{key}") for key in _RISK}
        for name in ("excess_return_with_cost", "excess_return_without_cost")
    }
    rows = {key: row for key, row in _RISK.items() if f"1day.excess_return_with_cost.{key}" in metrics}
    return _series_table("summed_238", title, reading, rows, columns, is_wide=False)


def tail_table(returns: Mapping[str, Any]) -> PageTable:
    """Show statistics of daily returns: hit rate, best and worst day, value at risk, shape."""
    reading = (
        "Value at risk is the return that 5 % or 1 % of days fall below; expected shortfall is the mean of those "
        "days. A loss is negative."
    )
    columns = {name: returns[name]["daily"] for name in SERIES if name in returns}
    return _series_table("tail", "Single days", reading, _TAIL, columns)


def _series_table(
    name: str,
    title: str,
    reading: str,
    rows: Mapping[str, tuple[str, str]],
    columns: Mapping[str, Mapping[str, Any]],
    *,
    is_wide: bool = True,
) -> PageTable:
    """Make a table with a column per series, and the date of a figure beneath it if there is one."""
    lines = []
    for key, (label, form) in rows.items():
        date = f"{key}_date"
        cells = [cell(one.get(key), form, detail=str(one.get(date) or "")[:10]) for one in columns.values()]
        lines.append([Cell(label), *cells])
    header = ["", *(SERIES[column] for column in columns)]
    return PageTable(name, title, header, lines, reading, is_wide=is_wide)


def drawdown_table(drawdowns: pd.DataFrame) -> PageTable:
    """Show the five deepest drawdowns of the excess, the account and the benchmark."""
    shown = (
        ("excess_return_with_cost", "summed"),
        ("return_with_cost", "compounded"),
        ("bench", "compounded"),
    )
    lines, dates = [], ("start", "bottom", "recovery")
    for series, accumulation in shown:
        chosen = (drawdowns["series"] == series) & (drawdowns["accumulation"] == accumulation)
        name = Cell(f"{SERIES[series]}, {accumulation}")
        for row in drawdowns[chosen].sort_values("rank").to_dict("records"):
            days = [Cell(day or "–") for day in day_texts(row[key] for key in dates)]
            rank, depth = cell(row["rank"], ".0f"), percent(row["depth"])
            lines.append([name, rank, depth, *days, cell(row["days"], ".0f")])
    return PageTable(
        "drawdowns",
        "Worst periods",
        ["Series", "Rank", "Depth", "High", "Bottom", "Recovered", "Days below"],
        lines,
        "From the day of the high to the day that reached it again. A dash as the high means the value before the "
        "first day; a dash as the recovery means that the drawdown has not ended.",
        is_sortable=True,
    )


def month_table(report: pd.DataFrame) -> PageTable:
    """Show the months' returns: account with cost and benchmark, compounded."""
    shown = {"account": "return_with_cost", "benchmark": "bench"}
    series = series_of(report)
    grids = {name: month_grid(series[key], "compounded") for name, key in shown.items()}
    years = {name: yearly(series[key], "compounded") for name, key in shown.items()}
    lines = []
    for year in years["benchmark"]:
        for name, (known, grid) in grids.items():
            months = [percent(value, 1, tone=value / _STRONG_MONTH) for value in grid[known.index(year)]]
            whole = years[name][year]
            lines.append([Cell(f"{year} {name}"), *months, percent(whole, 1, tone=whole / _STRONG_YEAR)])
    return PageTable(
        "months",
        "Monthly returns, compounded",
        ["", *MONTHS, "Year"],
        lines,
        "The account with cost above the benchmark, year by year; blue is a gain, orange a loss.",
    )


def ic_years(periods: pd.DataFrame) -> PageTable:
    """Show the IC of each year."""
    columns: dict[str, Callable[[dict[Hashable, Any]], Cell]] = {
        "Year": lambda row: Cell(str(row["period"])),
        "Days": lambda row: cell(row["days"], ".0f"),
        "IC": lambda row: cell(row["ic"]),
        "ICIR": lambda row: cell(row["icir"]),
        "Rank IC": lambda row: cell(row["rank_ic"]),
        "Rank ICIR": lambda row: cell(row["rank_icir"]),
    }
    years = periods[periods["span"] == "year"].to_dict("records")
    reading = "A signal that works in one year only is not a signal."
    return item_table("ic_years", "IC by year", columns, years, reading)


_SIGNAL = {
    "long_precision": "Long precision",
    "short_precision": "Short precision",
    "long_precision_excess": "Long precision, against the day's mean",
    "short_precision_excess": "Short precision, against the day's mean",
    "ic_hit_rate": "Days with IC above 0",
    "rank_ic_hit_rate": "Days with Rank IC above 0",
    "autocorrelation": "Autocorrelation of scores",
    "rank_autocorrelation": "Autocorrelation of ranks",
    "turnover_top": "Turnover, best group",
    "turnover_bottom": "Turnover, worst group",
}


def signal_table(signal: Mapping[str, float | None]) -> PageTable:
    """Show precision, hit rates and stability, means over days."""
    return pair_table(
        "signal_means",
        "Precision and stability",
        [(label, cell(signal[key])) for key, label in _SIGNAL.items() if key in signal],
        "Precision is the share of the best fifth of scores that rose, and of the worst fifth that fell.",
        header=["Mean over days", ""],
    )


def group_table(groups: Mapping[str, Mapping[str, float | None]]) -> PageTable:
    """Show each group's return."""
    lines = []
    for name, figures in groups.items():
        group = name.removeprefix("group_").replace("spread", "best − worst").replace("excess", "best − all")
        mean, a_year = percent(figures.get("mean"), 4), percent(figures.get("annualized_return"))
        lines.append([Cell(group), mean, a_year, cell(figures.get("sharpe"), ".3f")])
    header = ["Group", "Mean of a day", "Return a year", "Sharpe ratio"]
    reading = "Without cost; a year has 252 days."
    return PageTable("group_returns", "Groups", header, lines, reading, is_wide=False)


def holding_table(holdings: Mapping[str, float | None]) -> PageTable:
    """Show the average holdings."""
    shown = {
        "holdings": ("Stocks", ".1f"),
        "concentration": ("Herfindahl index of the weights", ".4f"),
        "largest_weight": ("Largest weight", ".2%"),
        "cash_share": ("Cash", ".2%"),
        "days_held": ("Days held", ".1f"),
        "turnover": ("Turnover of a day", ".2%"),
    }
    cells = {label: cell(holdings[key], form) for key, (label, form) in shown.items() if key in holdings}
    line = [Cell("Mean over days"), *cells.values()]
    return PageTable("holding_means", "Holdings", ["", *cells], [line])


def metric_table(metrics: Mapping[str, float]) -> PageTable:
    """Show all figures of ``metrics.json``."""
    return pair_table(
        "metrics",
        "All metrics",
        [(name, cell(value, ".6f")) for name, value in metrics.items()],
        "Fractions, with Qlib's names if it has the metric; a drawdown is negative. Hover over a headline figure for "
        "all digits.",
        header=["Metric", "Value"],
        is_sortable=True,
    )


def provenance_table(provenance: Mapping[str, Any]) -> PageTable:
    """Show the code, versions and devices of the run."""
    git = provenance.get("git") or {}
    device, bars = provenance["device"], provenance.get("bars")
    path, reason = device.get("training_path"), device.get("training_path_reason")
    threads = None if device.get("threads") is None else counted(device["threads"], "thread")
    peak = provenance.get("peak_memory_mib")
    rows = {
        "Started": provenance.get("started"),
        "Command": " ".join(provenance.get("command", ())),
        "Run": provenance["run_id"],
        "Data": provenance["data_fingerprint"],
        "Calendar": " to ".join(provenance.get("calendar") or ()),
        "Bars": bars and f"{bars['start']} to {bars['through']}, SHA-256 {bars['sha256']}",
        "Numerics": provenance["numerics"],
        "Code": f"{git.get('commit', 'no checkout')}{', uncommitted changes' if git.get('dirty') else ''}",
        "Device": ", ".join(filter(None, (device["name"], device.get("model"), threads))),
        "Training path": f"{path} ({reason})" if reason else path,
        "Training": None if "model" in provenance else _training(provenance["training"]),
        "Processor": provenance.get("processor"),
        "Platform": provenance.get("platform"),
        "Python": provenance.get("python"),
        "Packages": ", ".join(f"{name} {number}" for name, number in provenance.get("packages", {}).items()),
        "Seconds": ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in provenance["seconds"].items()),
        "Peak memory": None if peak is None or np.isnan(peak) else f"{peak:.0f} MiB",
        "Pack": _pack(provenance.get("pack")),
    }
    pairs = [(name, Cell(str(text), is_text=True)) for name, text in rows.items() if text]
    return pair_table("origin", "Provenance", pairs)


def model_table(model: ScoringModel, origin: Mapping[str, Any] | None) -> PageTable:
    """Show which model scored in place of the LSTM, its settings, and where its scores come from."""
    pairs = [("model", model.name), *flatten(model.settings), *flatten(origin or {})]
    lines = [
        (name.replace(".", ", ").replace("_", " "), Cell(_plain(value), is_text=True))
        for name, value in pairs
        if value not in ([], {})
    ]
    reading = "The configuration states the samples, the market and the evaluation; its LSTM did not give these scores."
    return pair_table("model", "Model that scored", lines, reading)


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _training(training: Mapping[str, Any]) -> str:
    """Describe how training ended, and its best epoch."""
    text = f"{training['status'].replace('_', ' ')} after {counted(training['epochs'], 'epoch')}"
    score = training.get("best_score")
    if score is None:
        return text
    return f"{text}, best score {cell(score, '.6f').text} at epoch {training['best_epoch']}"


def _pack(pack: Mapping[str, Any] | None) -> str | None:
    """Describe the seeds that were trained together; None for a single seed."""
    if pack is None or pack["width"] == 1:
        return None
    return f"seeds {', '.join(map(str, pack['seeds']))} in {pack['train_seconds']:.2f} s of training"
