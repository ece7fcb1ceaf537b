"""A run: from a configuration, through data, training and evaluation, to a complete record."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from lstm_bench.config.workflow import RunConfig
from lstm_bench.config.yaml import dump_yaml
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.dataset import Dataset, SampleSet, build_dataset
from lstm_bench.errors import ConfigError, RunError
from lstm_bench.evaluate.signal import signal_metrics
from lstm_bench.model.device import resolve_device
from lstm_bench.model.lstm import LSTM, count_parameters
from lstm_bench.model.pack import PackSpec, ReplicaSpec
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.trainer import Fit, ValidMetric, train_pack
from lstm_bench.run.evaluation import Evaluation, evaluate_scores
from lstm_bench.run.identity import NUMERICS, run_id
from lstm_bench.run.provenance import Stopwatch, environment, peak_memory_mib
from lstm_bench.run.record import Record, publish
from lstm_bench.run.tables import daily_table, epoch_table, position_table, sample_table, signal_table

__all__ = ["execute", "pack_spec", "replica_spec"]

logger = logging.getLogger("lstm_bench")


def execute(
    config: RunConfig, experiment: Path, *, device: str = "auto", force: bool = False
) -> tuple[Record, bool]:
    """Compute a run, unless its record is there.

    Parameters
    ----------
    config
        The run, its seed included.
    experiment
        Folder of the experiment; the record goes to ``<experiment>/<run_id>``.
    device
        A wish (``auto``) or a demand; see :func:`lstm_bench.model.device.resolve_device`.
    force
        Compute even where a record is there, and replace it.

    Returns
    -------
    record : Record
    computed : bool
        False where the record was there.

    Raises
    ------
    InputError
        Where the configuration, the data or the device cannot be used.
    RunError
        Where training gave no usable weights.
    """
    chosen = resolve_device(device, config.task.model.kwargs.GPU)
    provider = Provider(config.qlib_init.provider_uri)
    watch = Stopwatch()
    with watch.stage("fingerprint"):
        data = fingerprint(provider)
    name = run_id(config, config.seed, data)
    found = Record.find(experiment / name)
    if found is not None and not force:
        return found, False
    result = _compute(config, provider, chosen, watch)
    provenance = {"run_id": name, "seed": config.seed, "data_fingerprint": data, "numerics": NUMERICS}
    return publish(experiment / name, lambda folder: _write(folder, config, result, provenance)), True


@dataclass(frozen=True)
class _Result:
    """All that a run has computed, before it is written."""

    fit: Fit
    model: LSTM
    test: SampleSet
    scores: npt.NDArray[np.float32]  # [S], in the order of test
    labels: npt.NDArray[np.float32]  # [S], raw
    dataset: Dataset
    evaluation: Evaluation
    device: torch.device
    watch: Stopwatch


def _compute(config: RunConfig, provider: Provider, device: torch.device, watch: Stopwatch) -> _Result:
    with watch.stage("dataset"):
        dataset = build_dataset(config.task.dataset, provider, d_feat=config.task.model.kwargs.d_feat)
        train, valid = dataset.samples("train", "learn"), dataset.samples("valid", "learn")
        test = dataset.samples("test", "infer")
    spec = pack_spec(config)
    if dataset.n_features != spec.d_feat:
        raise ConfigError(
            f"task.model.kwargs.d_feat: got {spec.d_feat}, but the dataset gives {dataset.n_features} features"
        )
    logger.info(
        "%d samples in train, %d in valid, %d in test; %d days of %d features",
        len(train), len(valid), len(test), dataset.step_len, dataset.n_features,
    )  # fmt: skip

    kwargs = config.task.model.kwargs
    with watch.stage("train"):
        fit = train_pack(
            spec,
            [replica_spec(config)],
            train,
            valid,
            n_epochs=kwargs.n_epochs,
            early_stop=kwargs.early_stop,
            device=device,
            valid_metric=_valid_metric(kwargs.metric, valid),
            on_epoch=_log_epoch,
        )[0]
    if not fit.weights:
        raise RunError(
            f"seed {config.seed}: training diverged in its first epoch; there are no weights to evaluate"
        )

    with watch.stage("predict"):
        model = LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, kwargs.dropout)
        model.load_state_dict(fit.weights)
        scores = predict(model.to(device), ResidentSamples.place(test, device)).cpu().numpy()
    with watch.stage("evaluate"):
        labels, evaluation = _evaluate(config, provider, dataset, test, scores)
    return _Result(fit, model, test, scores, labels, dataset, evaluation, device, watch)


def pack_spec(config: RunConfig) -> PackSpec:
    """Return what the replicas of a configuration share."""
    kwargs, training = config.task.model.kwargs, config.lstm_bench.training
    return PackSpec(
        d_feat=kwargs.d_feat,
        hidden_size=kwargs.hidden_size,
        num_layers=kwargs.num_layers,
        batch_size=kwargs.batch_size,
        optimizer=kwargs.optimizer,
        clip_grad_value=training.clip_grad_value,
        clip_grad_norm=training.clip_grad_norm,
        compat=config.lstm_bench.compat,
        is_time_series=config.task.model.is_time_series,
    )


def replica_spec(config: RunConfig) -> ReplicaSpec:
    """Return what is the replica's own."""
    kwargs = config.task.model.kwargs
    return ReplicaSpec(config.seed, kwargs.lr, kwargs.dropout, config.lstm_bench.training.weight_decay)


def _log_epoch(fits: Sequence[Fit]) -> bool:
    for fit in fits:
        last = fit.epochs[-1]
        logger.info(
            "seed %d epoch %d: train %.6f, valid %.6f%s  (best: epoch %d; %.1f s)",
            fit.replica.seed,
            last.number,
            last.train_loss,
            last.valid_loss,
            "" if last.valid_score == -last.valid_loss else f", score {last.valid_score:.6f}",
            fit.best_epoch,
            last.seconds,
        )
    return True


def _valid_metric(metric: str, valid: SampleSet) -> ValidMetric | None:
    """Return what early stopping watches: None for the loss, otherwise the mean daily correlation over valid."""
    if metric in ("", "loss"):
        return None
    day, instrument = valid.days, valid.instruments
    first, shape = day.min(), (int(day.max() - day.min()) + 1, int(instrument.max()) + 1)
    labels = np.full(shape, np.nan, dtype=np.float32)
    labels[day - first, instrument] = valid.labels

    def correlation(scores: npt.NDArray[np.float32]) -> float:
        panel = np.full(shape, np.nan, dtype=np.float32)
        panel[day - first, instrument] = scores
        return signal_metrics(panel, labels).summary()["IC" if metric == "ic" else "Rank IC"]

    return correlation


def _evaluate(
    config: RunConfig, provider: Provider, dataset: Dataset, test: SampleSet, scores: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], Evaluation]:
    """Return the raw labels ``[S]`` of the scored samples, and what the scores are worth."""
    day, instrument = test.days, test.instruments
    rows = np.zeros(dataset.raw_label.shape, dtype=np.bool_)
    rows[day, instrument] = True
    panel = dataset.scores_to_panel(test, scores)
    span = slice(int(day.min()), int(day.max()) + 1)
    evaluation = evaluate_scores(
        config,
        provider,
        panel[span],
        np.where(rows, dataset.raw_label, np.float32(np.nan))[span],
        rows[span],
        dataset.days[span],
        dataset.instruments,
    )
    return dataset.raw_label[day, instrument], evaluation


def _write(folder: Path, config: RunConfig, result: _Result, provenance: dict[str, Any]) -> None:
    """Fill a record's folder."""
    test, dataset, evaluation = result.test, result.dataset, result.evaluation
    day, instrument = test.days, test.instruments
    place = (day, instrument, dataset.days, dataset.instruments)
    with result.watch.stage("record"):
        (folder / "config.yaml").write_text(dump_yaml(config.to_file()), encoding="utf-8")
        figures = {
            name: value if math.isfinite(value) else None for name, value in evaluation.metrics.items()
        }
        _write_json(folder / "metrics.json", figures)  # JSON has no NaN
        epoch_table(result.fit.epochs).to_parquet(folder / "epochs.parquet")
        sample_table("score", result.scores, *place).to_parquet(folder / "pred.parquet")
        sample_table("LABEL0", result.labels, *place).to_parquet(folder / "label.parquet")
        days = dataset.days[int(day.min()) : int(day.max()) + 1]
        signal_table(evaluation.signal, days).to_parquet(folder / "ic.parquet")
        if evaluation.portfolio is not None:
            portfolio = evaluation.portfolio
            daily_table(portfolio.report, portfolio.days).to_parquet(folder / "report.parquet")
            position_table(portfolio).to_parquet(folder / "positions.parquet")
        save_file(result.fit.weights, folder / "model.safetensors")
    _write_json(folder / "provenance.json", provenance | _how(result))


def _how(result: _Result) -> dict[str, Any]:
    """Say how the result was computed."""
    cuda = result.device.type == "cuda"
    device = {
        "name": str(result.device),
        "model": torch.cuda.get_device_name(result.device) if cuda else None,
        "threads": torch.get_num_threads(),
        "training_path": "nn.LSTM, one replica at a time",
        "peak_memory_mib": torch.cuda.max_memory_allocated(result.device) / 2**20 if cuda else None,
    }
    training = {
        "status": result.fit.status,
        "epochs": len(result.fit.epochs),
        "best_epoch": result.fit.best_epoch,
        "best_score": result.fit.best_score,
        "parameters": count_parameters(result.model),
    }
    return {
        **environment(),
        "started": result.watch.started.isoformat(timespec="seconds"),
        "device": device,
        "training": training,
        "seconds": result.watch.seconds,
        "peak_memory_mib": peak_memory_mib(),
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n", encoding="utf-8")
