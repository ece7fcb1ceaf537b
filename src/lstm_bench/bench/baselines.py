"""The baselines of a configuration, recorded on its own samples and days, as rows beside the LSTM's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from lstm_bench.bench.candidates import Candidate
from lstm_bench.bench.driver import bench
from lstm_bench.bench.manifest import BenchRow
from lstm_bench.bench.scored_rows import add_scored_row, check_row
from lstm_bench.core.errors import ConfigError, choices_hint
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.tune.overlay import with_values

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.exec.devices import Device
    from lstm_bench.exec.local import ExecutorName
    from lstm_bench.run.preparation import Prepared
    from lstm_bench.run.scored import Scores
    from lstm_bench.tracking.progress import Progress
    from lstm_bench.tune.progress import BenchProgress

__all__ = [
    "BASELINE_NAMES", "BaselineName", "BaselineRun", "Request", "parse_baselines", "score_baselines", "train_permuted",
]  # fmt: skip

logger = logging.getLogger("lstm_bench")

BaselineName = Literal["reversal", "momentum", "ridge", "lightgbm", "permuted"]

BASELINE_NAMES: tuple[BaselineName, ...] = get_args(BaselineName)
"""All baselines, the quickest first. Each is the label of its row."""

PERMUTED = "lstm_bench.training.permute_labels"


@dataclass(frozen=True)
class Request:
    """Baselines to compute.

    Attributes
    ----------
    names : baselines, in order
    seeds : of LightGBM, and of the LSTM on permuted labels
    force : also compute runs that have a record
    """

    names: Sequence[BaselineName]
    seeds: Sequence[int]
    force: bool = False


@dataclass(frozen=True)
class BaselineRun:
    """A computed baseline.

    Attributes
    ----------
    row : of the manifest
    computed : runs that this call computed
    interrupted : whether a signal stopped it
    """

    row: BenchRow
    computed: int
    interrupted: bool = False


def parse_baselines(text: str) -> tuple[BaselineName, ...]:
    """Read baselines that are separated by commas. Raises ``ValueError`` if one is unknown or occurs twice."""
    asked = [part.strip() for part in text.split(",")]
    for part in asked:
        if part not in BASELINE_NAMES:
            raise ValueError(f"got {part!r}; {choices_hint(part, BASELINE_NAMES)}")
    if len(set(asked)) < len(asked):
        raise ValueError(f"got {text!r}, expected each baseline once")
    return tuple(name for name in BASELINE_NAMES if name in asked)


def score_baselines(
    candidate: Candidate, request: Request, *, results: Path = Path("results"), progress: Progress
) -> list[BaselineRun]:
    """Compute the requested baselines that are not LSTMs, on one dataset, which is built only if a record is missing.

    Records are written to ``<results>/<study>``; each row is in the manifest as soon as it is computed. Raises
    ``InputError`` if the configuration or its data cannot be used, its labels are permuted already, or a row of another
    model has the label of a baseline.
    """
    from lstm_bench.dataset.cache import DatasetCache
    from lstm_bench.run.scored import Scoring

    _refuse_permuted(candidate)
    config, experiment = candidate.config, results / candidate.study
    models = {name: _model(name, config) for name in request.names if name != "permuted"}
    if not models:
        return []
    for name, model in models.items():
        check_row(experiment, name, model, "CONFIG")
    scoring = Scoring(config, experiment, data=candidate.data, cache=DatasetCache(), progress=progress)
    found = []
    for name, model in models.items():
        runs = [
            scoring.record(
                model, partial(_score, model, config, seed, progress), seed=seed, force=request.force
            )
            for seed in (request.seeds if name == "lightgbm" else (config.seed,))
        ]
        row = add_scored_row(experiment, name, scoring.config, model, runs)
        found.append(BaselineRun(row, sum(run.computed for run in runs)))
    return found


def train_permuted(
    candidate: Candidate,
    request: Request,
    *,
    devices: Sequence[Device],
    executor: ExecutorName = "local",
    results: Path = Path("results"),
    progress: BenchProgress,
) -> list[BaselineRun]:
    """Train the LSTM on permuted labels, if it is requested, as :func:`lstm_bench.bench.driver.bench` trains any other.

    Raises ``InputError`` if the configuration or its data cannot be used, or its labels are permuted already.
    """
    _refuse_permuted(candidate)
    if "permuted" not in request.names:
        return []
    config = with_values(candidate.config.to_file(), {PERMUTED: True}, "baseline")
    result = bench(
        [replace(candidate, label="permuted", trial=None, config=config)],
        request.seeds,
        devices=devices,
        executor=executor,
        results=results,
        force=request.force,
        progress=progress,
    )
    return [BaselineRun(row, result.computed, result.interrupted) for row in result.rows.values()]


def _refuse_permuted(candidate: Candidate) -> None:
    if candidate.config.lstm_bench.training.permute_labels:
        raise ConfigError(
            f"{PERMUTED}: got true, expected false: the LSTM on permuted labels is one of the baselines"
        )


def _model(name: BaselineName, config: ResolvedRun) -> ScoringModel:
    """Return a baseline with the settings that determine its scores."""
    from lstm_bench.model.baselines.factors import FACTORS
    from lstm_bench.model.baselines.gradient_boosting import tree_settings
    from lstm_bench.model.baselines.ridge import PENALTIES

    if name in ("reversal", "momentum"):
        return ScoringModel(name, {"expression": FACTORS[name]})
    if name == "ridge":
        return ScoringModel(name, {"penalties": list(PENALTIES)})
    assert name == "lightgbm"
    return ScoringModel(name, tree_settings(config.feature_set))


def _score(
    model: ScoringModel, config: ResolvedRun, seed: int, progress: Progress, prepared: Prepared
) -> Scores:
    """Fit a baseline on the samples of a run, and score those of test."""
    from lstm_bench.model.baselines.factors import factor_scores
    from lstm_bench.run.scored import Scores

    if model.kind in ("reversal", "momentum"):
        return Scores(factor_scores(prepared.dataset, prepared.test, model.settings["expression"]))
    if model.kind == "ridge":
        return _ridge(model, config, prepared)
    return _boosted(model, config, seed, progress, prepared)


def _ridge(model: ScoringModel, config: ResolvedRun, prepared: Prepared) -> Scores:
    from lstm_bench.model.baselines.ridge import fit_ridge
    from lstm_bench.run.preparation import valid_criterion
    from lstm_bench.run.scored import Scores

    criterion = valid_criterion(config, prepared.valid)
    fit = fit_ridge(prepared.train, prepared.valid, criterion, prepared.weights, model.settings["penalties"])
    logger.info(
        "ridge: penalty %.3g, the best of %d on valid, %.6f",
        fit.penalty, len(model.settings["penalties"]), fit.valid_score,
    )  # fmt: skip
    return Scores(fit.scores(prepared.test), fit.valid_score, fit.parameters, origin={"penalty": fit.penalty})


def _boosted(
    model: ScoringModel, config: ResolvedRun, seed: int, progress: Progress, prepared: Prepared
) -> Scores:
    from importlib.metadata import version

    from lstm_bench.model.baselines.gradient_boosting import fit_trees
    from lstm_bench.run.preparation import valid_criterion
    from lstm_bench.run.scored import Scores

    most = int(model.settings["num_boost_round"])
    trees = fit_trees(
        prepared.train, prepared.valid, seed, model.settings, prepared.weights,
        lambda done: progress.step(done, most),
    )  # fmt: skip
    reached = valid_criterion(config, prepared.valid)(trees.scores(prepared.valid))
    logger.info("lightgbm, seed %d: %d of at most %d rounds, valid %.6f", seed, trees.rounds, most, reached)
    origin = {"rounds": trees.rounds, "lightgbm": version("lightgbm")}
    return Scores(trees.scores(prepared.test), reached, trees.parameters, origin=origin)
