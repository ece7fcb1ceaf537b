"""``lstm-bench predict``: score new days from a saved run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from lstm_bench.cli.completion import RunArgument
from lstm_bench.cli.options import RESULTS, Device, Json, Results, option, takes_options
from lstm_bench.cli.output import print_json, print_table
from lstm_bench.cli.paths import check_file
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.record.saved import SavedRun
    from lstm_bench.run.prediction import Prediction

__all__ = ["PredictOptions", "predict"]

_SHOWN = 10
_SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True)
class PredictOptions:
    """Options of ``predict``."""

    run: RunArgument
    start: str | None = option(None, "First day; by default the one after the run's own scores.")
    end: str | None = option(None, "Last day; by default the data's last.")
    provider_uri: str | None = option(None, "Qlib data folder with these days; by default the run's own.")
    out: Path | None = option(
        None, "File to write, .parquet or .csv: datetime, instrument, score.", show_default=False
    )
    results: Results = RESULTS
    device: Device = "auto"
    as_json: Json = False


@takes_options
def predict(options: PredictOptions) -> None:
    """Get scores of new days from a run's weights, normalised with the statistics of its fit period.

    The newest day needs no label. Qlib's strategies take the file's table as their signal.
    """
    from lstm_bench.data.provider import Provider
    from lstm_bench.record.saved import SavedRun, find_record
    from lstm_bench.run.judgement.finding import log_findings
    from lstm_bench.run.judgement.result import judge_result
    from lstm_bench.run.prediction import predict_days

    out = options.out
    if out is not None and out.suffix not in _SUFFIXES:
        raise InputError(f"--out: got {str(out)!r}, expected a file that ends in {' or '.join(_SUFFIXES)}")
    check_file("--out", out)
    begun = time.perf_counter()
    saved = SavedRun.load(find_record(options.run, options.results))
    log_findings(judge_result(saved.record))
    provider = Provider(options.provider_uri or saved.config.qlib_init.provider_uri)
    prediction = predict_days(saved, provider, options.start, options.end, device=options.device)
    if out is not None:
        _write(out, prediction.scores)
    answer = _describe(saved, prediction, out, time.perf_counter() - begun)
    if options.as_json:
        print_json(answer)
    else:
        _print(saved, prediction.scores, answer)


def _write(out: Path, scores: pd.DataFrame) -> None:
    from lstm_bench.core.atomic import write_whole

    content = scores.to_csv() if out.suffix == ".csv" else scores.to_parquet()
    try:
        write_whole(out, content)
    except OSError as error:
        raise InputError(f"--out: cannot write {out}: {error.strerror}") from error


def _describe(saved: SavedRun, prediction: Prediction, out: Path | None, seconds: float) -> dict[str, Any]:
    scores, comparison = prediction.scores, prediction.comparison
    days = scores.index.unique("datetime")
    return {
        "run": str(saved.record.path),
        "out": None if out is None else str(out),
        "first_day": str(days[0].date()),
        "last_day": str(days[-1].date()),
        "days": len(days),
        "scores": int(scores["score"].notna().sum()),
        "missing": int(scores["score"].isna().sum()),
        "data_fingerprint": prediction.data_fingerprint,
        "bars": prediction.bars,
        "recorded_scores": None
        if comparison is None
        else {
            "day": str(comparison.day),
            "rows": comparison.rows,
            "other_rows": comparison.other_rows,
            "largest_difference": comparison.largest_difference,
            "agree": comparison.agrees,
        },
        "device": prediction.device,
        "seconds": seconds,
    }


def _print(saved: SavedRun, scores: pd.DataFrame, answer: dict[str, Any]) -> None:
    last = scores["score"].xs(scores.index[-1][0], level="datetime").sort_values(ascending=False)
    typer.echo(f"{saved.record.path.parent.name}, seed {saved.provenance['seed']}: {answer['run']}")
    print_table(
        f"{answer['last_day']}, the highest",
        ["instrument", "score"],
        [[str(code), f"{value:.6f}"] for code, value in last.head(_SHOWN).items()],
    )
    typer.echo(
        f"{counted(answer['scores'], 'score')} of {counted(answer['days'], 'day')}, {answer['first_day']} to "
        f"{answer['last_day']}, "
        f"in {answer['seconds']:.1f} s on {answer['device']}"
    )
    if answer["missing"]:
        typer.echo(f"{answer['missing']:,} more rows have no score: a feature of theirs is missing")
    found = answer["recorded_scores"]
    if found is not None and found["agree"]:
        typer.echo(
            f"the run's scores of {found['day']} are reproduced, within {max(found['largest_difference'], 1e-9):.0e}"
        )
    typer.echo(
        f"written to {answer['out']}" if answer["out"] else "--out FILE.parquet (or .csv) keeps all of them"
    )
