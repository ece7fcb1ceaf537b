"""``lstm-bench run``: one configuration, one seed, from bars to metrics."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from lstm_bench.cli.output import print_json, print_table

__all__ = ["run"]


def run(
    workflow: Annotated[
        Path, typer.Argument(help="A Qlib workflow file.", metavar="CONFIG", show_default=False)
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="dotted.key=value over the file; aliases follow. Repeatable.", metavar="KEY=VALUE"
        ),
    ] = None,
    provider_uri: Annotated[str | None, typer.Option(help="The Qlib data folder, over the file's.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="The run's seed, over the file's (0 where it has none).")
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu, mps, cuda or cuda:k; all but auto are demands.")
    ] = "auto",
    results: Annotated[Path, typer.Option(help="Where records go.")] = Path("results"),
    experiment: Annotated[
        str | None, typer.Option(help="Folder below it; the file's name by default.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Compute again what is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train, predict and evaluate one seed of a Qlib workflow file, and record it."""
    from lstm_bench.config.workflow import load_workflow

    texts = list(overrides or [])
    if provider_uri is not None:
        texts.append(f"qlib_init.provider_uri={provider_uri}")
    if seed is not None:
        texts.append(f"task.model.kwargs.seed={seed}")
    config = load_workflow(workflow, texts)

    from lstm_bench.run.runner import execute

    record, computed = execute(
        config, results / (experiment or config.experiment_name or workflow.stem), device=device, force=force
    )
    provenance, metrics = record.provenance(), record.metrics()
    if as_json:
        print_json(
            {
                "record": str(record.path),
                "computed": computed,
                "metrics": {k: v if math.isfinite(v) else None for k, v in metrics.items()},
                "provenance": provenance,
            }
        )
        return
    training = provenance["training"]
    print_table(
        f"{workflow.stem}, seed {provenance['seed']}",
        ["metric", "value"],
        [[name, f"{value:.6f}"] for name, value in metrics.items()],
    )
    stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in provenance["seconds"].items())
    typer.echo(
        f"{training['status']} after {training['epochs']} epochs, best epoch {training['best_epoch']}, "
        f"on {provenance['device']['name']}\n{stages}"
    )
    typer.echo(
        f"{'recorded in' if computed else 'recorded before (--force computes it again):'} {record.path}"
    )
