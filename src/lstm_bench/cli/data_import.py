"""``lstm-bench data import``: CSV or Parquet files become a Qlib data folder, or extend one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstm_bench.cli.output import print_json, print_table
from lstm_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from lstm_bench.data.importing.options import ImportSummary

__all__ = ["import_files"]

_HELP = "Its column, where the header is none of the usual."
Column = Annotated[str | None, typer.Option(help=_HELP, metavar="COLUMN", rich_help_panel="Columns")]


def import_files(
    source: Annotated[
        Path, typer.Argument(help="A CSV or Parquet file, or a folder of such files.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Argument(help="The Qlib data folder to make, or with --append to extend.", show_default=False),
    ],
    date: Column = None,
    symbol: Column = None,
    open_: Annotated[
        str | None, typer.Option("--open", help=_HELP, metavar="COLUMN", rich_help_panel="Columns")
    ] = None,
    high: Column = None,
    low: Column = None,
    close: Column = None,
    volume: Column = None,
    vwap: Column = None,
    adjusted_close: Column = None,
    split: Column = None,
    factor: Column = None,
    field: Annotated[
        list[str] | None,
        typer.Option(
            help="A field of your own, kept as it is. Repeatable.",
            metavar="NAME=COLUMN",
            rich_help_panel="Columns",
        ),
    ] = None,
    adjust_by: Annotated[
        str,
        typer.Option(
            help="factor, adjusted-close, split (new shares per old; dividends stay in the prices), or none: prices "
            "and volumes are adjusted already. auto takes the first of them that has a column, looks whether the "
            "closes move with its steps or are adjusted already, says so, and refuses what contradicts itself."
        ),
    ] = "auto",
    date_format: Annotated[
        str | None,
        typer.Option(
            help="Of dates such as 01/31/2020: %m/%d/%Y. 2020-01-31 and 20200131 are read without.",
            metavar="FORMAT",
        ),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of CSV files, such as gbk or utf-16.")] = "utf-8",
    file_pattern: Annotated[
        str | None,
        typer.Option(
            help="How the files are called, such as daily_{symbol}.csv; the name is the symbol by default.",
            metavar="PATTERN",
        ),
    ] = None,
    benchmark: Annotated[
        str,
        typer.Option(
            help="The benchmark: a file, a symbol of the files (no stock then), equal-weight (the mean return of all "
            "stocks, as EQUALWEIGHT), or none."
        ),
    ] = "equal-weight",
    market: Annotated[
        str | None,
        typer.Option(
            help="Write this market beside all, of the same stocks or of --members.", metavar="NAME"
        ),
    ] = None,
    members: Annotated[
        Path | None,
        typer.Option(
            help="The market's spans: code, first and last day a line, separated by tabs.", metavar="FILE"
        ),
    ] = None,
    drop_bad: Annotated[
        bool, typer.Option("--drop-bad", help="Leave out rows that cannot be used, and count them.")
    ] = False,
    keep_zero_volume: Annotated[
        bool,
        typer.Option("--keep-zero-volume", help="A volume of zero is a bar; by default it is no trade: NaN."),
    ] = False,
    append: Annotated[
        bool,
        typer.Option(
            "--append",
            help="Extend the folder by the days after its calendar's end; without such days there is nothing to do.",
        ),
    ] = False,
    basis: Annotated[
        str,
        typer.Option(
            help="Where new files adjust to another basis than the folder (a split or dividend came since): check "
            "refuses, rescale brings them to the folder's. same: take it to be the folder's where no common day tells."
        ),
    ] = "check",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Import CSV or Parquet files of daily bars: one file or a folder, in long format or a file per symbol.

    Columns are found by the headers of yfinance, Qlib's collectors, akshare, baostock, tushare, stooq, Alpha Vantage
    and others alike, or named. Raw prices are adjusted as Qlib has it, price * factor and volume / factor. Rows may be
    in any order; those with defects are refused with file and line.
    """
    from lstm_bench.data.importing.importer import import_bars
    from lstm_bench.data.importing.options import ImportOptions

    named = {
        "date": date, "symbol": symbol, "open": open_, "high": high, "low": low, "close": close, "volume": volume,
        "vwap": vwap, "adjusted_close": adjusted_close, "split": split, "factor": factor,
    }  # fmt: skip
    options = ImportOptions(
        columns={name: column for name, column in named.items() if column} | _own_fields(field or []),
        adjust_by=adjust_by,
        date_format=date_format,
        encoding=encoding,
        file_pattern=file_pattern,
        benchmark=benchmark,
        market=market,
        members=members,
        drop_bad=drop_bad,
        zero_volume_is_bar=keep_zero_volume,
        append=append,
        basis=basis,
    )
    summary = import_bars(source, out, options)
    if as_json:
        print_json(asdict(summary))
    else:
        _print(summary, append)


def _own_fields(texts: list[str]) -> dict[str, str]:
    fields = {}
    for text in texts:
        name, _, column = text.partition("=")
        if not (name.isidentifier() and name.islower() and column):
            raise ConfigError(
                f"--field: got {text!r}, expected NAME=COLUMN with a name of lower-case letters"
            )
        fields[name] = column
    return fields


def _print(summary: ImportSummary, append: bool) -> None:
    if not summary.days:
        typer.echo(
            f"nothing to do: the files have no day after {summary.last_day}, the last one of {summary.folder}"
        )
    else:
        _print_table(summary, append)
    for sentence in summary.said:
        typer.echo(sentence)
    if summary.ended:
        few = ", ".join(summary.ended[:5])
        more = f" and {len(summary.ended) - 5} more" if len(summary.ended) > 5 else ""
        typer.echo(f"no new bars of {few}{more}: their histories end where they were")


def _print_table(summary: ImportSummary, append: bool) -> None:
    adjusted = {"none": "nothing: they are adjusted already", "adjusted_close": "the adjusted close"}
    rows = [
        ("files", str(summary.files)),
        ("bars", f"{summary.rows:,}"),
        ("instruments", str(summary.instruments)),
        *([("new among them", str(summary.new_instruments))] if append else []),
        ("days added" if append else "days", f"{summary.days}, {summary.first_day} to {summary.last_day}"),
        ("fields", ", ".join(summary.fields)),
        ("adjusted by", adjusted.get(summary.adjusted_by, f"the {summary.adjusted_by}")),
        ("benchmark", summary.benchmark or "none"),
        ("markets", ", ".join(["all", *([summary.market] if summary.market else [])])),
    ]
    if summary.no_trade:
        rows.append(("days without trade", f"{summary.no_trade:,}"))
    rows += [(f"dropped: {kind}", f"{count:,}") for kind, count in summary.dropped.items()]
    rows += [(f"rescaled: {code}", f"{scale:.6g}") for code, scale in summary.rescaled.items()]
    print_table(str(summary.folder), ["imported", ""], rows)
