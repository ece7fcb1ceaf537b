"""The content of a record's files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.config.yaml import dump_yaml
from lstm_bench.core.json_values import without_nan
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.bars_digest import BarsDigest
from lstm_bench.model.contract import PackSpec, PathChoice
from lstm_bench.model.trainer import Fit
from lstm_bench.record.identity import NUMERICS, run_id
from lstm_bench.record.provenance import Stopwatch, environment, peak_memory_mib
from lstm_bench.record.stamp import NamedData, Stamp
from lstm_bench.record.tables import (
    daily_table,
    drawdown_table,
    epoch_table,
    position_table,
    row_table,
    sample_table,
    signal_table,
)
from lstm_bench.run.evaluation import Evaluation
from lstm_bench.run.preparation import Prepared

__all__ = ["PackProvenance", "Scored", "write_record"]


@dataclass(frozen=True)
class Scored:
    """Scores of the test segment, and their evaluation.

    Attributes
    ----------
    scores, labels : ``[S]`` float32
        In the order of the test samples; labels are raw.
    evaluation
    """

    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    evaluation: Evaluation


def write_record(
    folder: Path,
    config: ResolvedRun,
    prepared: Prepared,
    fit: Fit,
    scored: Scored | None,
    provenance: dict[str, Any],
) -> None:
    """Fill a record's folder. ``scored`` is None for a run without usable weights."""
    (folder / "config.yaml").write_text(dump_yaml(config.to_file()), encoding="utf-8")
    epoch_table(fit.epochs).to_parquet(folder / "epochs.parquet")
    if scored is not None:
        _write_scores(folder, prepared, scored)
        (folder / "model.safetensors").write_bytes(save(fit.weights))
        fitted = {key: [step.to_json() for step in steps] for key, steps in prepared.dataset.fitted.items()}
        _write_json(folder / "statistics.json", fitted)
    figures = scored.evaluation.metrics if scored is not None else {}
    _write_json(folder / "metrics.json", figures)
    _write_json(folder / "provenance.json", provenance)


def _write_scores(folder: Path, prepared: Prepared, scored: Scored) -> None:
    dataset, test, evaluation = prepared.dataset, prepared.test, scored.evaluation
    place = (test.days, test.instruments, dataset.days, dataset.instruments)
    sample_table("score", scored.scores, *place).to_parquet(folder / "pred.parquet")
    sample_table("LABEL0", scored.labels, *place).to_parquet(folder / "label.parquet")
    analysis = evaluation.signal_analysis
    signal_table(evaluation.signal, analysis).to_parquet(folder / "ic.parquet")
    row_table(analysis.decay_rows()).to_parquet(folder / "ic_decay.parquet")
    row_table(analysis.period_rows()).to_parquet(folder / "ic_periods.parquet")
    sections = analysis.sections()
    portfolio, outcome = evaluation.portfolio, evaluation.portfolio_analysis
    if portfolio is not None and outcome is not None:
        daily_table(portfolio.report, portfolio.days).to_parquet(folder / "report.parquet")
        position_table(portfolio).to_parquet(folder / "positions.parquet")
        daily_table(outcome.holdings, portfolio.days).to_parquet(folder / "holdings.parquet")
        drawdown_table(outcome.drawdowns).to_parquet(folder / "drawdowns.parquet")
        sections |= outcome.sections()
    _write_json(folder / "analysis.json", sections)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(without_nan(value), indent=2, allow_nan=False) + "\n", encoding="utf-8")


class PackProvenance:
    """Makes the provenance of each run of a pack.

    Parameters
    ----------
    data, provider, device, choice
        The pack's data, device and path.
    watch
        Has the seconds of the pack's stages.
    seeds
        Of the pack.
    """

    def __init__(
        self,
        data: NamedData,
        provider: Provider,
        device: torch.device,
        choice: PathChoice,
        watch: Stopwatch,
        seeds: Sequence[int],
    ) -> None:
        self._data, self._provider = data, provider
        self._device, self._choice = device, choice
        self._watch, self._seeds = watch, seeds
        self._environment = environment()

    def of(
        self,
        config: ResolvedRun,
        fit: Fit,
        run_seconds: Mapping[str, float],
        bars: BarsDigest,
        stamp: Stamp | None,
        embargo: Mapping[str, int],
        constant_loss: float,
    ) -> dict[str, Any]:
        """Return the content of a run's ``provenance.json``."""
        spec, cuda = PackSpec.of(config), self._device.type == "cuda"
        calendar, seconds = self._provider.calendar, {**self._watch.seconds, **run_seconds}
        if len(self._seeds) > 1:  # the run's share of the pack's training
            seconds["train"] = sum(epoch.seconds for epoch in fit.epochs)
        return {
            "run_id": run_id(config, self._data.name),
            "seed": config.seed,
            "data_fingerprint": self._data.name,
            "data_used": None if stamp is None else stamp.used,
            "folder_fingerprint": self._data.folder,
            "calendar": [str(calendar[0]), str(calendar[-1])],
            "bars": bars.to_json(),
            "synthetic": self._provider.is_synthetic,
            "numerics": NUMERICS,
            **self._environment,
            "started": self._watch.started.isoformat(timespec="seconds"),
            "device": {
                "name": str(self._device),
                "model": torch.cuda.get_device_name(self._device) if cuda else None,
                "threads": torch.get_num_threads(),
                "training_path": self._choice.name,
                "training_path_reason": self._choice.reason,
                "peak_memory_mib": torch.cuda.max_memory_allocated(self._device) / 2**20 if cuda else None,
            },
            "pack": {
                "width": len(self._seeds),
                "seeds": list(self._seeds),
                "train_seconds": self._watch.seconds["train"],
            },
            "training": {
                "status": fit.status,
                "epochs": len(fit.epochs),
                "best_epoch": fit.best_epoch,
                "best_score": fit.best_score,
                "parameters": spec.parameters,
                "constant_loss": constant_loss,
            },
            "seconds": seconds,
            "peak_memory_mib": peak_memory_mib(),
            "embargo": embargo,
        }
