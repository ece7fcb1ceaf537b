"""The content of a record's files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.config.yaml import dump_yaml
from lstm_bench.core.json_values import without_nan
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
    """Scores ``[S]`` and raw labels ``[S]`` in the order of the test samples, and their evaluation."""

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


@dataclass(frozen=True)
class PackProvenance:
    """What a pack is computed from and with; makes the provenance of each of its runs.

    Attributes
    ----------
    watch : has the seconds of the pack's stages
    """

    data: NamedData
    device: torch.device
    choice: PathChoice
    watch: Stopwatch
    seeds: Sequence[int]
    environment: Mapping[str, Any] = field(default_factory=environment)

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
        spec, cuda = PackSpec.of(config), self.device.type == "cuda"
        calendar, seconds = self.data.provider.calendar, {**self.watch.seconds, **run_seconds}
        if len(self.seeds) > 1:  # the run's share of the pack's training
            seconds["train"] = sum(epoch.seconds for epoch in fit.epochs)
        return {
            "run_id": run_id(config, self.data.name),
            "seed": config.seed,
            "data_fingerprint": self.data.name,
            "data_used": None if stamp is None else stamp.used,
            "folder_fingerprint": self.data.folder,
            "calendar": [str(calendar[0]), str(calendar[-1])],
            "bars": bars.to_json(),
            "synthetic": self.data.provider.is_synthetic,
            "numerics": NUMERICS,
            **self.environment,
            "started": self.watch.started.isoformat(timespec="seconds"),
            "device": {
                "name": str(self.device),
                "model": torch.cuda.get_device_name(self.device) if cuda else None,
                "threads": torch.get_num_threads(),
                "training_path": self.choice.name,
                "training_path_reason": self.choice.reason,
                "peak_memory_mib": torch.cuda.max_memory_allocated(self.device) / 2**20 if cuda else None,
            },
            "pack": {
                "width": len(self.seeds),
                "seeds": list(self.seeds),
                "train_seconds": self.watch.seconds["train"],
            },
            "training": {
                "status": fit.status,
                "epochs": len(fit.epochs),
                "best_epoch": fit.best_epoch,
                "best_score": fit.best_score,
                "parameters": spec.parameters,
                "constant_loss": constant_loss,
                "permuted_labels": config.lstm_bench.training.permute_labels,
            },
            "seconds": seconds,
            "peak_memory_mib": peak_memory_mib(),
            "embargo": embargo,
        }
