"""``lstm-bench data import``: make or extend a Qlib data folder from CSV or Parquet files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lstm_bench.cli.options import Json, argument, option, takes_options, values_for
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.core.errors import ConfigError

if TYPE_CHECKING:
    from lstm_bench.data.importing.options import ImportOptions, ImportSummary

__all__ = ["FileOptions", "import_files"]

_COLUMN_HELP = "Its column, if the header is not a usual one."
_COLUMNS = (
    "date", "symbol", "open_", "high", "low", "close", "volume", "vwap", "adjusted_close", "split", "factor",
)  # fmt: skip
"""Options that name a column."""

Column = Annotated[str | None, typer.Option(help=_COLUMN_HELP, metavar="COLUMN", rich_help_panel="Columns")]


@dataclass(frozen=True)
class FileOptions:
    """Options of ``data import``."""

    source: Path = argument(..., "A CSV or Parquet file, or a folder of such files.", show_default=False)
    out: Path = argument(
        ..., "The Qlib data folder to make; with --append the one to extend.", show_default=False
    )
    date: Column = None
    symbol: Column = None
    open_: str | None = option(None, _COLUMN_HELP, "--open", metavar="COLUMN", rich_help_panel="Columns")
    high: Column = None
    low: Column = None
    close: Column = None
    volume: Column = None
    vwap: Column = None
    adjusted_close: Column = None
    split: Column = None
    factor: Column = None
    own_fields: list[str] = option(
        list,
        "A field of your own, copied unadjusted. Repeatable.",
        "--field",
        metavar="NAME=COLUMN",
        rich_help_panel="Columns",
    )
    adjust_by: str = option(
        "auto",
        "factor, adjusted-close, split (new shares per old; dividends stay in the prices), or none (prices "
        "and volumes are adjusted already). auto takes the first of them that has a column, checks whether the "
        "closes move with its steps or are adjusted already, prints what it found, and refuses files that "
        "contradict themselves.",
    )
    date_format: str | None = option(
        None,
        "Format of dates such as 01/31/2020: %m/%d/%Y. 2020-01-31 and 20200131 need none.",
        metavar="FORMAT",
    )
    encoding: str = option("utf-8", "Encoding of CSV files, such as gbk or utf-16.")
    file_pattern: str | None = option(
        None,
        "Pattern of file names, such as daily_{symbol}.csv; by default the name is the symbol.",
        metavar="PATTERN",
    )
    benchmark: str = option(
        "equal-weight",
        "The benchmark: a file, a symbol of the files (then not a stock), equal-weight (the mean return of "
        "all stocks, as EQUALWEIGHT), or none.",
    )
    market: str | None = option(
        None, "A market to write beside all, with the same stocks or those of --members.", metavar="NAME"
    )
    members: Path | None = option(
        None,
        "Spans of the market's members: code, first and last day on each line, separated by tabs.",
        metavar="FILE",
    )
    drop_bad: bool = option(False, "Leave out rows that cannot be used, and count them.", "--drop-bad")
    zero_volume_is_bar: bool = option(
        False,
        "Keep bars whose volume is zero; by default they are days without trade: NaN.",
        "--keep-zero-volume",
    )
    append: bool = option(
        False,
        "Extend the folder by the days after its calendar's end; without such days nothing is written.",
        "--append",
    )
    basis: str = option(
        "check",
        "What to do if new files adjust to another basis than the folder (a split or dividend came since): "
        "check refuses them, rescale brings them to the folder's basis. same assumes the folder's basis if no "
        "common day tells.",
    )
    as_json: Json = False


@takes_options
def import_files(options: FileOptions) -> None:
    """Make a Qlib data folder of CSV or Parquet files of daily bars: long format, or one file per symbol.

    Columns are found by the headers of yfinance, Qlib's collectors, akshare, baostock, tushare, stooq, Alpha Vantage
    and others, or named by options. Raw prices are adjusted as in Qlib: price * factor and volume / factor. Rows may
    be in any order; defective rows are refused with file and line.
    """
    from lstm_bench.data.importing.importer import import_bars

    summary = import_bars(options.source, options.out, _import_options(options))
    if options.as_json:
        print_json(asdict(summary))
    else:
        _print(summary, options.append)


def _import_options(options: FileOptions) -> ImportOptions:
    from lstm_bench.data.importing.options import ImportOptions

    columns = {name.strip("_"): column for name in _COLUMNS if (column := getattr(options, name))}
    return ImportOptions(
        columns=columns | _own_fields(options.own_fields), **values_for(ImportOptions, options)
    )


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
        typer.echo(f"no new bars of {few}{more}: their histories end at the same day as before")


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
