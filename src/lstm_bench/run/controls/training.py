"""Controls that train: on permuted labels, and with a planted feature that knows the label."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import RunError
from lstm_bench.core.json_values import without_nan
from lstm_bench.dataset.dataset import Dataset, SampleSet
from lstm_bench.dataset.permutation import permute_labels
from lstm_bench.dataset.planted import oracle_feature, with_planted
from lstm_bench.evaluate.moments import moments
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.predict import predict_weights
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.schedule import CONSTANT
from lstm_bench.model.select import choose_path
from lstm_bench.model.trainer import train_pack
from lstm_bench.run.controls.document import ControlRow
from lstm_bench.run.preparation import Prepared, valid_metric
from lstm_bench.statistics.estimate import FEWEST, FEWEST_DAYS
from lstm_bench.statistics.nested import nested_interval

__all__ = [
    "ORACLE_CORRELATION", "ORACLE_SHARE", "PERMUTED_LEVEL", "ShortTraining", "oracle_control", "permuted_control",
]  # fmt: skip

Floats = npt.NDArray[np.float64]

ORACLE_CORRELATION = 0.5
"""Daily correlation of the planted feature with the label."""

ORACLE_SHARE = 0.5
"""Share of the planted feature's own IC that the model has to reach."""

PERMUTED_LEVEL = 0.99
"""Level of the interval that has to contain 0: a right pipeline fails in one of a hundred configurations."""


@dataclass(frozen=True)
class ShortTraining:
    """Trains a configuration for a few epochs in memory, and evaluates the IC on test.

    Attributes
    ----------
    epochs : at most; the learning rate is constant, since schedules are made for the configuration's own number
    stage : called with what is being done
    """

    config: ResolvedRun
    prepared: Prepared
    device: torch.device
    epochs: int
    stage: Callable[[str], None]

    def daily_ic(self, train: SampleSet, valid: SampleSet, test: SampleSet, seed: int) -> Floats:
        """Train one seed and return the daily IC of its scores on test, ``[T]``.

        The samples are those of the configuration, with other labels or features. Raises ``RunError`` if training
        diverged.
        """
        kwargs = self.config.task.model.kwargs
        spec = dataclasses.replace(
            PackSpec.of(self.config), d_feat=train.windows.n_features, schedule=CONSTANT
        )
        choice = choose_path(spec, self.device)
        (fit,) = train_pack(
            spec,
            [dataclasses.replace(MemberSpec.of(self.config), seed=seed)],
            train,
            valid,
            n_epochs=min(self.epochs, kwargs.n_epochs),
            early_stop=kwargs.early_stop,
            device=self.device,
            valid_metric=valid_metric(self.config, valid),
            choice=choice,
            weights=self.prepared.weights,
        )
        if not fit.weights:
            raise RunError(
                f"seed {seed}: training diverged in its first epoch, so that the control has no scores"
            )
        scores = predict_weights(spec, fit.weights, ResidentSamples.place(test, self.device), choice.name)
        return daily_ic_on_test(self.prepared.dataset, test, scores)


def daily_ic_on_test(dataset: Dataset, test: SampleSet, scores: npt.NDArray[np.float32]) -> Floats:
    """Return the daily IC of scores ``[S]`` of the test samples against the raw labels, ``[T]``."""
    span, rows = dataset.rows_of(test)
    labels = np.where(rows, dataset.raw_label[span], np.float32(np.nan))
    return signal_metrics(dataset.scores_to_panel(test, scores)[span], labels, rows).ic


def permuted_control(training: ShortTraining, seeds: Sequence[int]) -> ControlRow:
    """Train on labels that are permuted among the stocks of each day; the IC on true labels must be near 0.

    A model of permuted labels is an arbitrary function of the features. A single one may well have an IC, since
    features have: only the mean over seeds, each with its own permutation, is 0. Without an interval it fails.
    """
    prepared = training.prepared
    ics = []
    for seed in seeds:
        training.stage(f"permuted labels, seed {seed}")
        permuted = permute_labels(prepared.dataset, seed)
        train, valid = permuted.samples("train", "learn"), permuted.samples("valid", "learn")
        ics.append(training.daily_ic(train, valid, prepared.test, seed))
    estimate = nested_interval(np.stack(ics), level=PERMUTED_LEVEL).estimate
    level = f"{PERMUTED_LEVEL:.0%}".replace("%", " %")
    interval = f"no interval: it needs {FEWEST} seeds and {FEWEST_DAYS} days of test"
    if estimate.is_decided:
        interval = f"interval {estimate.low:+.4f} to {estimate.high:+.4f}"
    return ControlRow(
        title=f"Permuted labels, {counted(len(seeds), 'seed')}",
        expected=f"an IC of 0 within its {level} interval over seeds and days",
        found=f"IC {estimate.value:+.4f}, {interval}",
        passed=bool(estimate.low <= 0 <= estimate.high),
        figures=without_nan({"IC": estimate.value, "low": estimate.low, "high": estimate.high}),
    )


def oracle_control(training: ShortTraining, seed: int) -> ControlRow:
    """Add a feature that knows the label, with noise; the trained model must find it."""
    training.stage("planted oracle")
    prepared = training.prepared
    feature = oracle_feature(prepared.dataset, ORACLE_CORRELATION)
    train, valid, test = (
        with_planted(part, feature) for part in (prepared.train, prepared.valid, prepared.test)
    )
    found = moments(training.daily_ic(train, valid, test, seed)).mean
    alone = moments(daily_ic_on_test(prepared.dataset, test, feature[test.days, test.instruments])).mean
    return ControlRow(
        title="Planted oracle",
        expected=f"an IC of at least {ORACLE_SHARE * alone:.4f}, {ORACLE_SHARE:.0%} of the planted feature's own",
        found=f"IC {found:+.4f}; the feature alone has {alone:+.4f}",
        passed=bool(found >= ORACLE_SHARE * alone > 0),
        figures={"IC": found, "feature": alone},
    )
