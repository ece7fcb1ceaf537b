"""``lstm-bench init``: a workflow file fitted to a data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from lstm_bench.cli.output import print_table

__all__ = ["init"]


def init(
    provider_uri: Annotated[str, typer.Option(help="The Qlib data folder.", show_default=False)],
    market: Annotated[
        str | None, typer.Option(help="The universe; the folder's only market beside `all` by default.")
    ] = None,
    region: Annotated[
        Literal["cn", "us", "tw"] | None,
        typer.Option(help="Decides lots, limits and costs; what the codes look like by default."),
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Code of an index; one that the folder has by default.", metavar="CODE")
    ] = None,
    features: Annotated[
        Literal["alpha158", "alpha360"], typer.Option(help="Qlib's feature set.")
    ] = "alpha158",
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("workflow.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a commented workflow file that fits a data folder: days, universe, region, benchmark, costs."""
    from lstm_bench.cli.destination import check_file
    from lstm_bench.core.atomic import write_whole
    from lstm_bench.core.errors import InputError, command_line
    from lstm_bench.data.provider import Provider
    from lstm_bench.dataset.starter import fit_starter

    check_file("--out", out)
    if out.exists() and not force:
        raise InputError(f"--out: {out} is there already; --force writes over it")
    provider = Provider(provider_uri)
    uri = provider_uri if provider_uri.startswith("~") else str(Path(provider_uri).absolute())
    starter = fit_starter(
        provider,
        uri,
        market=market,
        region=region,
        benchmark=benchmark,
        features=features,
    )
    write_whole(out, starter.text)
    rows = [
        ["market", f"{starter.market}, {starter.stocks} stocks on a typical day"],
        ["region", f"{starter.region}, {starter.region_reason}"],
        ["benchmark", starter.benchmark],
        *([name, f"{segment.first} to {segment.last}"] for name, segment in starter.segments.items()),
        ["portfolio", f"the best {starter.topk}, at most {starter.n_drop} replaced per day"],
    ]
    print_table(str(out), ["", ""], rows)
    typer.echo(f"next: {command_line('run', out)}")
