"""Prepares and checks everything that a run needs, so that wrong inputs fail before training."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from lstm_bench.config.sections.backtest import resolve
from lstm_bench.config.sections.harness import BY_DAY
from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset, SampleSet
from lstm_bench.dataset.guards import embargo_days
from lstm_bench.dataset.handler import missing_columns_hint
from lstm_bench.dataset.permutation import with_learned_labels
from lstm_bench.dataset.sample_weights import sample_weights
from lstm_bench.dataset.volatility import trailing_volatility
from lstm_bench.evaluate.signal.metrics import signal_metrics
from lstm_bench.evaluate.trading.quotes import load_benchmark, tradable_universe
from lstm_bench.model.contract import PackSpec, PathChoice
from lstm_bench.model.loss.day import comparable_days, mean_day_loss
from lstm_bench.model.loss.sample import mean_loss
from lstm_bench.model.sample_order import days_per_batch
from lstm_bench.model.select import training_bytes
from lstm_bench.model.trainer import ValidMetric
from lstm_bench.run.evaluation import Market, load_market

__all__ = [
    "Prepared", "check_learning", "needs", "prepare", "record_mib", "valid_criterion", "valid_metric",
]  # fmt: skip

logger = logging.getLogger("lstm_bench")


@dataclass(frozen=True)
class Prepared:
    """The data of a run.

    Attributes
    ----------
    dataset
    train, valid : samples of the learn view
    test : samples of the infer view
    weights : ``[S]``, of the training samples in the loss; None for equal weights
    market : of the backtest; None without one
    """

    dataset: Dataset
    train: SampleSet
    valid: SampleSet
    test: SampleSet
    weights: npt.NDArray[np.float64] | None
    market: Market | None

    @property
    def embargo(self) -> dict[str, int]:
        """Days of the embargo, and the numbers of samples of train and valid that it leaves out."""
        return {"days": self.dataset.embargo, "train": self.train.embargoed, "valid": self.valid.embargoed}


def prepare(
    config: ResolvedRun, provider: Provider, build: Callable[..., Dataset] = build_dataset
) -> Prepared:
    """Build the dataset and read what the backtest needs.

    ``build`` takes the arguments of :func:`~lstm_bench.dataset.build.build_dataset`, and may open a cached dataset.

    Raises
    ------
    ConfigError
        If the model and the dataset do not fit each other, or a segment holds less than a batch.
    DataError
        If the data lack days, a benchmark, a market or labels to evaluate against.
    """
    _check_market(config, provider)
    d_feat = config.task.model.kwargs.d_feat
    dataset = build(config.task.dataset, provider, d_feat=d_feat, embargo=embargo_days(config))
    dataset = with_learned_labels(config, dataset)
    train, valid = dataset.samples("train", "learn"), dataset.samples("valid", "learn")
    test = dataset.samples("test", "infer")
    check_learning(config, dataset, train, valid)
    if np.isnan(dataset.raw_label[test.days, test.instruments]).all():
        raise DataError(
            "label: not one sample of segment 'test' has one; there is nothing to evaluate against"
        )
    days = dataset.days[np.unique(test.days)]
    weights = sample_weights(config.lstm_bench.training, train, _volatility(config, provider, dataset))
    market = load_market(config, provider, days, dataset.instruments)
    prepared = Prepared(dataset, train, valid, test, weights, market)
    logger.info(
        "%s in train, %d in valid, %d in test; windows of %s, %s",
        counted(len(train), "sample"), len(valid), len(test),
        counted(dataset.step_len, "day"), counted(dataset.n_features, "feature"),
    )  # fmt: skip
    if dataset.embargo:
        logger.info(
            "an embargo of %s keeps %s of train and %d of valid out, before the next segment",
            counted(dataset.embargo, "day"), counted(train.embargoed, "sample"), valid.embargoed,
        )  # fmt: skip
    return prepared


def _volatility(config: ResolvedRun, provider: Provider, dataset: Dataset) -> npt.NDArray[np.float32] | None:
    """Return the volatility ``[T, N]`` for weights of samples; None if these do not need it."""
    training = config.lstm_bench.training
    if training.reweight != "volatility":
        return None
    place = dataset.instruments, dataset.offset, len(dataset.days)
    return trailing_volatility(provider, *place, training.reweight_window)


def check_learning(config: ResolvedRun, dataset: Dataset, train: SampleSet, valid: SampleSet) -> None:
    """Check that a model can be trained.

    Raises
    ------
    ConfigError
        If the model and the dataset do not fit each other, or a segment holds less than a batch.
    DataError
        If a segment has no label, or no day with different labels for a loss of whole days.
    """
    kwargs = config.task.model.kwargs
    if dataset.n_features != kwargs.d_feat:
        raise ConfigError(
            f"task.model.kwargs.d_feat: got {kwargs.d_feat}, but the dataset has "
            f"{counted(dataset.n_features, 'feature')}"
            f"{missing_columns_hint(config.task.dataset.kwargs.handler)}"
        )
    for segment in (train, valid) if config.lstm_bench.compat == "qlib" else (train,):
        if len(segment) < kwargs.batch_size:
            raise ConfigError(
                f"task.model.kwargs.batch_size: got {kwargs.batch_size}, but segment {segment.segment!r} has only "
                f"{counted(len(segment), 'sample')}, and a partial batch is dropped"
            )
    for segment in (train, valid):
        if np.isnan(segment.labels).all():
            raise DataError(f"label: not one sample of segment {segment.segment!r} has one")
        loss = config.lstm_bench.training.loss
        if loss in BY_DAY and not comparable_days(*map(torch.from_numpy, (segment.labels, segment.days))):
            raise DataError(
                f"lstm_bench.training.loss: got {loss!r}, but no day of segment {segment.segment!r} has two labels "
                "that differ"
            )


def _check_market(config: ResolvedRun, provider: Provider) -> None:
    """Check that the backtest's market and benchmark exist, before features are computed."""
    if config.portfolio_analysis is None:
        return
    portfolio = resolve(config.portfolio_analysis, config.qlib_init.region)
    tradable_universe(provider, portfolio)
    load_benchmark(provider, portfolio.backtest.benchmark, 0, len(provider.calendar))


def valid_metric(config: ResolvedRun, valid: SampleSet) -> ValidMetric | None:
    """Return the metric of early stopping: None for the loss, otherwise the mean daily correlation over valid.

    Raises ``ConfigError`` if no day of valid has two labelled instruments to correlate.
    """
    metric = config.task.model.kwargs.metric
    if metric in ("", "loss"):
        return None
    first = int(valid.days.min())
    day, instrument = valid.days - first, valid.instruments
    labels = np.full((int(day.max()) + 1, int(instrument.max()) + 1), np.nan, dtype=np.float32)
    labels[day, instrument] = valid.labels
    if (np.isfinite(labels).sum(axis=1) < 2).all():
        raise ConfigError(
            f"task.model.kwargs.metric: got {metric!r}, but no day of segment 'valid' has two labelled instruments"
        )

    def correlation(scores: npt.NDArray[np.float32]) -> float:
        panel = np.full(labels.shape, np.nan, dtype=np.float32)
        panel[day, instrument] = scores
        return signal_metrics(panel, labels).summary()["IC" if metric == "ic" else "Rank IC"]

    return correlation


def valid_criterion(config: ResolvedRun, valid: SampleSet) -> ValidMetric:
    """Return what the LSTM's early stopping watches: its metric, or minus its loss on valid, without Qlib's batches.

    Raises ``ConfigError`` as :func:`valid_metric` does.
    """
    metric = valid_metric(config, valid)
    if metric is not None:
        return metric
    loss = PackSpec.of(config).loss
    labels, days = torch.from_numpy(valid.labels).float(), torch.from_numpy(valid.days)

    def minus_loss(scores: npt.NDArray[np.float32]) -> float:
        given = torch.from_numpy(scores)
        if loss.is_by_day:
            return -float(mean_day_loss(given, labels, days, loss))
        return -float(mean_loss(given, labels, loss))

    return minus_loss


def needs(config: ResolvedRun, prepared: Prepared, choice: PathChoice) -> dict[str, float]:
    """Estimate the memory and disk space of a run, without the interpreter and its libraries, in MiB.

    ``resident_mib`` is the data in memory, ``training_mib`` are weights, gradients, moments and activations of a step,
    and ``record_mib`` is the record on disk.
    """
    dataset, spec = prepared.dataset, PackSpec.of(config)
    samples = len(prepared.train) + len(prepared.valid) + len(prepared.test)
    features = {id(view.features): view.features.on("cpu").nbytes for view in dataset.views.values()}
    largest = replace(spec, batch_size=_largest_batch(spec, prepared.train))
    mib = float(2**20)
    return {
        "resident_mib": (sum(features.values()) + samples * 24) / mib,
        "training_mib": training_bytes(largest, choice, 1, dataset.step_len) / mib,
        "record_mib": record_mib(prepared, spec.parameters),
    }


def record_mib(prepared: Prepared, weights: int = 0) -> float:
    """Estimate the size of a run's record with this number of weights, in MiB."""
    days = len(np.unique(prepared.test.days))
    held = prepared.market.config.strategy.kwargs.topk * days if prepared.market else 0
    small = 150_000 + 370 * days  # daily series and small tables; files fill whole blocks
    return float((11 * len(prepared.test) + 22 * held + 4 * weights + small) / 2**20)


def _largest_batch(spec: PackSpec, train: SampleSet) -> int:
    """Return the samples of the largest batch of training."""
    if not spec.loss.is_by_day:
        return spec.batch_size
    days = comparable_days(torch.from_numpy(train.labels), torch.from_numpy(train.days))
    return sum(sorted(map(len, days))[-days_per_batch(days, spec.batch_size) :])
