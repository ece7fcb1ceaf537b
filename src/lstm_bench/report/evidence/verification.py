"""Checks of the evidence: keys, coverage, and figures that must follow from the daily series."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import get_args

import numpy as np
import numpy.typing as npt

from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.evaluate.headlines import OF_PORTFOLIO
from lstm_bench.evaluate.returns.performance import QLIB, performance
from lstm_bench.evaluate.returns.risk import excess_risk, return_series
from lstm_bench.record.evidence import Daily, Evidence, same_data
from lstm_bench.record.evidence_schema import SeedResult, Status
from lstm_bench.record.identity import NUMERICS, run_id
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.leaderboard.setting import parse_config

__all__ = ["findings", "verify"]

Floats = npt.NDArray[np.float64]

_TOLERANCE = 1e-9


def verify(evidence: Evidence) -> Evidence:
    """Verify the evidence and return it.

    Raises
    ------
    DataError
        If the evidence has faults; the message has a line per fault.
    """
    wrong = list(findings(evidence))
    if wrong:
        raise DataError(f"evidence of study {evidence.study!r}:\n" + "\n".join(wrong))
    return evidence


def findings(evidence: Evidence) -> Iterator[str]:
    """Yield the faults of a study's evidence."""
    keys = [(result.row, result.seed) for result in evidence.results]
    for row, seed in sorted({key for key in keys if keys.count(key) > 1}):
        yield f"row {row!r}, seed {seed}: present {keys.count((row, seed))} times"
    if keys != sorted(keys):
        yield "the rows are not in the order of (row, seed)"
    for result in evidence.results:
        place = f"row {result.row!r}, seed {result.seed}"
        yield from (f"{place}: {what}" for what in _of_seed(evidence.study, result))
        daily = evidence.daily.get((result.row, result.seed))
        if result.status == "complete":
            yield from (f"{place}: {what}" for what in _of_days(result, daily))
        elif daily is not None:
            yield f"{place}: {result.status}, but it has daily series"
    for row, seed in sorted(set(evidence.daily) - set(keys)):
        yield f"row {row!r}, seed {seed}: daily series without a result"
    for row, results in itertools.groupby(evidence.results, key=lambda result: result.row):
        yield from (f"row {row!r}: {what}" for what in _of_row(list(results)))


def _of_seed(study: str, result: SeedResult) -> Iterator[str]:
    if result.study != study:
        yield f"names study {result.study!r} in the file of {study!r}"
    if result.status not in get_args(Status):
        yield f"status: got {result.status!r}, expected one of {', '.join(get_args(Status))}"
    if result.status == "failed" and not result.message:
        yield "failed without a message"
    if result.status == "complete":
        trained = ("epochs", "parameters") if result.model is None else ()
        needed = ("run_id", "data_fingerprint", "first_day", "last_day", "numerics", *trained)
        for name in (name for name in needed if getattr(result, name) is None):
            yield f"complete without {name}"
    yield from _of_config(result)


def _of_config(result: SeedResult) -> Iterator[str]:
    """Compare the seed and the run id with those of the configuration."""
    try:
        config = parse_config(json.loads(result.config))
        model = None if result.model is None else ScoringModel.parse(result.model)
    except DataError as error:
        yield str(error)
        return
    except (ConfigError, ValueError) as error:
        yield f"config: {error}"
        return
    if config.seed != result.seed:
        yield f"its config has the seed {config.seed}"
    # with other numerics, the id was a hash of an older form of the configuration
    if result.run_id and result.data_fingerprint and result.numerics == NUMERICS:
        expected = run_id(config, result.data_fingerprint, model)
        if result.run_id != expected:
            yield f"run_id is {result.run_id}, but its config and data give {expected}"


def _of_days(result: SeedResult, daily: Daily | None) -> Iterator[str]:
    if daily is None:
        yield "complete without daily series"
        return
    if not bool((daily.days[1:] > daily.days[:-1]).all()):
        yield "its days are not ascending"
    series = daily.series
    derived = _signal("IC", series["ic"]) | _signal("Rank IC", series["rank_ic"])
    if not np.isnan(series["return"]).all():
        derived |= excess_risk(series)
        net = return_series(series)["excess_return_with_cost"]
        figures = performance(net, daily.days)[QLIB.name]
        derived |= {name: figures[of] for name, of in OF_PORTFOLIO.items() if name in result.metrics}
    for name, value in derived.items():
        stated = result.metrics.get(name, np.nan)
        if not np.isclose(stated, value, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True):
            yield f"{name} is {stated!r}, but its daily series give {value!r}"


def _of_row(results: list[SeedResult]) -> Iterator[str]:
    for name in ("features", "trial"):
        if len({getattr(result, name) for result in results}) > 1:
            yield f"its seeds differ in {name}"
    complete = [result for result in results if result.status == "complete"]
    for name in ("data_fingerprint", "numerics"):
        found = sorted({str(getattr(result, name)) for result in complete})
        if name == "data_fingerprint" and all(same_data(complete[0], result) for result in complete[1:]):
            continue
        if len(found) > 1:
            listed = ", ".join(found)
            yield (
                f"its seeds were computed with different {name} ({listed}); "
                "`lstm-bench bench` with all of them makes it one"
            )


def _signal(name: str, series: Floats) -> dict[str, float]:
    """Mean over days, and the mean over the standard deviation (ddof 1)."""
    known = series[~np.isnan(series)]
    mean = float(known.mean()) if len(known) else np.nan
    std = float(known.std(ddof=1)) if len(known) > 1 else np.nan
    return {name: mean, f"{name}IR": mean / std if std > 0 else np.nan}
