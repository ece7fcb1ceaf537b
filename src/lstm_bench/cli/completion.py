"""Shell completion of run ids, from the names of folders alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lstm_bench.cli.options import RESULTS

__all__ = ["RunArgument", "RunArguments", "complete_run"]


def complete_run(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the ids that start with ``incomplete``, each with its experiment. EXPERIMENT/ID completes as well."""
    from lstm_bench.record.catalogue import run_folders

    results = Path(ctx.params.get("results") or RESULTS)
    folders = run_folders(results)
    if "/" in incomplete:
        named = [(f"{path.parent.name}/{path.name}", "") for path in folders]
    else:
        named = [(path.name, path.parent.name) for path in folders]
    return [(name, where) for name, where in named if name.startswith(incomplete)]


def _run_argument(help_text: str, metavar: str) -> Any:
    return typer.Argument(help=help_text, metavar=metavar, show_default=False, autocompletion=complete_run)


RunArgument = Annotated[
    str, _run_argument("A record's folder, or the id of one in --results, or its beginning.", "RUN")
]
RunArguments = Annotated[
    list[str],
    _run_argument("Records' folders, or ids of records in --results, or their beginnings.", "RUN..."),
]
