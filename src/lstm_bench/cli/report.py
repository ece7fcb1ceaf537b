"""``lstm-bench report``: write a page of figures of a run or a study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

from lstm_bench.cli.completion import complete_run
from lstm_bench.cli.options import RESULTS, Json, Results, Storage, argument, option, takes_options
from lstm_bench.cli.output import print_json
from lstm_bench.cli.paths import check_file, check_folder
from lstm_bench.cli.study_text import open_study
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError

__all__ = ["ReportOptions", "report"]


@dataclass(frozen=True)
class ReportOptions:
    """Options of ``report``."""

    run: str | None = argument(
        None,
        "A run: its record's folder, or the beginning of its id.",
        metavar="RUN",
        show_default=False,
        autocompletion=complete_run,
    )
    study: str | None = option(None, "A study instead of a run.", metavar="NAME", show_default=False)
    out: Path | None = option(
        None,
        "The page; by default report.html in the record, or study.html in the study's folder of results.",
        show_default=False,
    )
    png: Path | None = option(
        None, "Folder for pictures of the main figures as well.", metavar="DIR", show_default=False
    )
    results: Results = RESULTS
    storage: Storage = None
    as_json: Json = False


@takes_options
def report(options: ReportOptions) -> None:
    """Write the figures and tables of a run or a study as one HTML file, which needs no network and no other file."""
    from lstm_bench.core.atomic import write_whole
    from lstm_bench.record.saved import find_record
    from lstm_bench.report.pages.page import render
    from lstm_bench.report.pictures import draw_pictures

    run, png = options.run, options.png
    if (run is None) == (options.study is None):
        count = "neither" if run is None else "both"
        raise ConfigError(f"report: got {count} of RUN and --study, expected one of them")
    check_file("--out", options.out)
    check_folder("--png", png)
    if run is not None:
        from lstm_bench.report.pages.run_page import MAIN_FIGURES, run_page

        record = find_record(run, options.results)
        page, default = run_page(record), record.path / "report.html"
    else:
        from lstm_bench.report.pages.study_page import MAIN_FIGURES, study_page

        store, name = open_study(options.storage, options.study)
        page = study_page(store, name, options.results)
        default = options.results / name / "study.html"
    path = options.out or default
    write_whole(path, render(page))
    pictures = []
    if png is not None:
        drawn = draw_pictures((page.figures[name] for name in MAIN_FIGURES if name in page.figures), png)
        pictures = [path for _, path in drawn]
    if options.as_json:
        print_json(
            {"report": str(path), "bytes": path.stat().st_size, "pictures": [str(one) for one in pictures]}
        )
        return
    typer.echo(f"{path}: {counted(len(page.figures), 'figure')}, {path.stat().st_size / 1e6:.1f} MB")
    for picture in pictures:
        typer.echo(str(picture))
