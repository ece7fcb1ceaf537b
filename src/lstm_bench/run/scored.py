"""Records of scores that another model than the configuration's LSTM gave.

The samples, the labels and the market are those of a run of the configuration, and so is the evaluation. Such a record
has no epochs, weights or fitted statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.writable import check_can_be_made
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.dataset.segments import close_segments
from lstm_bench.record.identity import run_id
from lstm_bench.record.ledger import check_can_append
from lstm_bench.record.provenance import Stopwatch
from lstm_bench.record.rescue import check_room
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.record.stamp import NamedData, data_of_run
from lstm_bench.run.contents import Scored, write_record
from lstm_bench.run.evaluation import evaluate_scores
from lstm_bench.run.judgement.finding import log_findings
from lstm_bench.run.judgement.setup import judge_setup
from lstm_bench.run.preparation import Prepared, prepare, record_mib
from lstm_bench.run.provenance import Origin
from lstm_bench.run.publication import PackRun, find_recorded, publish_run
from lstm_bench.tracking.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.record.layout import TableName

__all__ = ["Score", "Scores", "Scoring"]


@dataclass(frozen=True, eq=False)
class Scores:
    """A model's scores of the test samples.

    Attributes
    ----------
    values : ``[S]`` float32, in the order of the test samples; NaN for a sample without a score
    valid_score : the model's score on valid, greater is better; None if it has none
    parameters : number of fitted parameters
    origin : where the scores come from, as plain JSON data: ``scores`` in the provenance, if there is any
    status : how the model's training ended
    tables : further tables of the record
    """

    values: npt.NDArray[np.float32]
    valid_score: float | None = None
    parameters: int = 0
    origin: Mapping[str, Any] = field(default_factory=dict)
    status: str = "finished"
    tables: Mapping[TableName, pd.DataFrame] = field(default_factory=dict)


Score = Callable[[Prepared], Scores]
"""A function that scores the test samples of a prepared run."""


class Scoring:
    """Models other than the LSTM that are scored on the test samples of one configuration.

    The data are prepared at most once, and only if a record is missing.

    Attributes
    ----------
    config : its segments closed
    experiment : folder of the records
    """

    def __init__(
        self,
        config: ResolvedRun,
        experiment: Path,
        *,
        data: NamedData | None = None,
        cache: DatasetCache | None = None,
        progress: Progress | None = None,
        judged: bool = False,
    ) -> None:
        """Open the data of a configuration.

        Parameters
        ----------
        data
            The data and their name, such as a study's. None takes those of the configuration's folder.
        cache
            Of datasets. None builds the dataset in memory.
        progress
            Receives the stages.
        judged
            Whether the caller has reported the findings of :func:`lstm_bench.run.judgement.setup.judge_setup`.

        Raises
        ------
        InputError
            If the data cannot be read, or the folder of the records cannot be made.
        """
        self.provider = Provider(config.qlib_init.provider_uri) if data is None else data.provider
        self.config = close_segments(config, self.provider).resolved()
        self.experiment = experiment
        self._data = data
        self._cache = cache
        self._progress = progress or Progress()
        self._judged = judged
        check_can_be_made("--out", experiment)

    @cached_property
    def prepared(self) -> Prepared:
        """The dataset, the test samples and the market.

        Raises ``InputError`` if the configuration or the data cannot be used.
        """
        self._progress.stage("dataset")
        if not self._judged:
            log_findings(judge_setup(self.config, self.provider))
        build: Callable[..., Dataset] = build_dataset
        if self._cache is not None:
            build = partial(self._cache.open, fingerprint=self._named(None, force=True).cached_as)
        return prepare(self.config, self.provider, build)

    def record(
        self, model: ScoringModel, score: Score, *, seed: int | None = None, force: bool = False
    ) -> PackRun:
        """Score, evaluate and record a model, unless its record exists.

        Parameters
        ----------
        model
            What determines the scores besides configuration, seed and data.
        score
            Scores the test samples.
        seed
            Of the run; None takes the configuration's.
        force
            Also compute a run that has a record, and replace it.

        Raises
        ------
        InputError
            If the configuration or the data cannot be used, there is no room for the record, or the ledger of test
            evaluations cannot be written.
        RunError
            If the disk filled up in the meantime. The record is kept elsewhere; the next start finds it.
        """
        config = self.config if seed is None else self.config.with_seed(seed).resolved()
        watch = Stopwatch(self._progress.stage)
        with watch.stage("fingerprint"):
            data = self._named(model, config.seed, force=force)
        folder = self.experiment / run_id(config, data.name, model)
        done = find_recorded({config.seed: folder}, force=force)
        if done:
            return done[config.seed]
        check_can_append(self.experiment.parent)
        with watch.stage("dataset"):
            prepared = self.prepared
        needed = record_mib(prepared) * 2**20
        check_room(self.experiment, needed, "the record")
        origin = Origin.of(config, data, prepared, watch)
        with watch.stage("predict"):
            scores = score(prepared)
        with watch.stage("evaluate"):
            scored = _evaluated(config, prepared, scores.values)
        provenance = origin.content(config, _sections(scores), {}, model)
        write = partial(
            write_record,
            config=config,
            prepared=prepared,
            fit=None,
            scored=scored,
            provenance=provenance,
            tables=scores.tables,
        )
        self._progress.stage("record")
        return publish_run(config.seed, folder, write, needed, force=force)

    def _named(self, model: ScoringModel | None, seed: int = 0, *, force: bool = False) -> NamedData:
        """Name the data of a run, as the records of the experiment name them."""
        if self._data is not None:
            return self._data
        return data_of_run(self.config, self.provider, self.experiment, [seed], force=force, model=model)


def _evaluated(config: ResolvedRun, prepared: Prepared, values: npt.NDArray[np.float32]) -> Scored:
    """Evaluate scores ``[S]`` as those of a run.

    Raises ``ValueError`` if there is not one per test sample, one is infinite, or all are NaN.
    """
    dataset, test = prepared.dataset, prepared.test
    if values.shape != (len(test),):
        raise ValueError(
            f"scores: got the shape {values.shape}, expected ({len(test)},), one per test sample"
        )
    if np.isinf(values).any() or np.isnan(values).all():
        raise ValueError(
            "scores: got infinite ones, or none, expected finite numbers, or NaN for some samples"
        )
    span, rows = dataset.rows_of(test)
    evaluation = evaluate_scores(
        config,
        prepared.market,
        dataset.scores_to_panel(test, values)[span],
        np.where(rows, dataset.raw_label[span], np.float32(np.nan)),
        rows,
        dataset.days[span],
        dataset.instruments,
    )
    return Scored(values, dataset.raw_label[test.days, test.instruments], evaluation)


def _sections(scores: Scores) -> dict[str, Any]:
    """Return the sections of the provenance that depend on the kind of run."""
    sections = {
        "device": {"name": "cpu", "model": None, "threads": torch.get_num_threads()},
        "training": {
            "status": scores.status,
            "epochs": 0,
            "best_epoch": None,
            "best_score": scores.valid_score,
            "parameters": scores.parameters,
        },
    }
    return sections | ({"scores": dict(scores.origin)} if scores.origin else {})
