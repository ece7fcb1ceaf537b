"""``lstm-bench init``: write a workflow file that fits a data folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from lstm_bench.cli.options import option, takes_options
from lstm_bench.cli.output import print_table
from lstm_bench.cli.paths import check_file
from lstm_bench.core.errors import InputError, command_line

__all__ = ["InitOptions", "init"]


@dataclass(frozen=True)
class InitOptions:
    """Options of ``init``."""

    provider_uri: str = option(..., "The Qlib data folder.", show_default=False)
    market: str | None = option(None, "The universe; by default the folder's only market besides `all`.")
    region: Literal["cn", "us", "tw"] | None = option(
        None, "Sets lots, limits and costs; by default derived from the codes."
    )
    benchmark: str | None = option(None, "Code of an index; by default one of the folder's.", metavar="CODE")
    features: Literal["alpha158", "alpha360"] = option("alpha158", "Qlib's feature set.")
    out: Path = option(Path("workflow.yaml"), "The file to write.")
    force: bool = option(False, "Overwrite an existing file.", "--force")


@takes_options
def init(options: InitOptions) -> None:
    """Write a commented workflow file that fits a data folder: days, universe, region, benchmark, costs."""
    from lstm_bench.core.atomic import write_whole
    from lstm_bench.data.provider import Provider
    from lstm_bench.dataset.starter import fit_starter

    out, uri = options.out, options.provider_uri
    check_file("--out", out)
    if out.exists() and not options.force:
        raise InputError(f"--out: {out} exists already; --force overwrites it")
    provider = Provider(uri)
    uri = uri if uri.startswith("~") else str(Path(uri).absolute())
    starter = fit_starter(
        provider,
        uri,
        market=options.market,
        region=options.region,
        benchmark=options.benchmark,
        features=options.features,
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
