"""``lstm-bench data``: import, fetch, check and describe data folders, and make a synthetic one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstm_bench.cli import data_check, data_fetch, data_import
from lstm_bench.cli.options import Json
from lstm_bench.cli.output import print_items, print_json, print_table
from lstm_bench.core.counting import counted

__all__ = ["app"]

app = typer.Typer(
    help="Import, fetch, check and describe data folders, and make a synthetic one.", no_args_is_help=True
)
app.command(name="import")(data_import.import_files)
app.command(name="fetch")(data_fetch.fetch)
app.command(name="check")(data_check.check)


@app.command()
def info(
    folder: Annotated[Path, typer.Argument(help="A Qlib data folder (provider_uri).", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show the days, markets, fields and fingerprint of a data folder."""
    from lstm_bench.data.description import describe
    from lstm_bench.data.provider import Provider

    description = describe(Provider(folder))
    if as_json:
        print_json(description)
        return
    first, last = description["first_day"], description["last_day"]
    typer.echo(f"{description['folder']}\n{description['days']} trading days, {first} to {last}")
    typer.echo(f"fingerprint {description['fingerprint']}\n")
    keys = ("market", "instruments", "spans", "with_bars", "first_day", "last_day")
    print_table(
        "Markets",
        [key.replace("_", " ") for key in keys],
        [[str(market[key]) for key in keys] for market in description["markets"]],
    )
    print_items(
        "Fields",
        [
            ("field", lambda field: field["field"]),
            ("instruments", lambda field: str(field["instruments"])),
            ("bars", lambda field: f"{field['bars']:,}"),
            ("NaN", lambda field: f"{field['nan_share']:.2%}"),
        ],
        description["fields"],
    )


@app.command()
def synth(
    out: Annotated[
        Path, typer.Argument(help="Folder to make; it must be empty or not exist.", show_default=False)
    ],
    stocks: Annotated[int, typer.Option(help="Number of stocks, besides the index.")] = 60,
    days: Annotated[
        int, typer.Option(help="Number of business days; the last is 2020-09-30. By default from 2008 on.")
    ] = 3327,
    seed: Annotated[int, typer.Option(help="Seed; the same one gives the same bytes.")] = 0,
    signal: Annotated[
        str,
        typer.Option(
            help="What is planted. linear: a quarter's moves reverse; nonlinear: a week's reverse along the trend "
            "and go on against it; mixed: moves on heavy volume reverse, and calm stocks earn more; none: nothing."
        ),
    ] = "mixed",
) -> None:
    """Make a synthetic market with a learnable signal, in Qlib's format."""
    from lstm_bench.data.synthetic import parse_signal, synthesize

    synthesize(out, stocks=stocks, days=days, seed=seed, signal=parse_signal(signal))
    planted = "" if signal == "mixed" else f", signal {signal}"
    typer.echo(f"{out}: {counted(stocks, 'stock')}, {counted(days, 'day')}, seed {seed}{planted}")
