"""The content of a record's files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from safetensors.torch import save

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.config.yaml import dump_yaml
from lstm_bench.core.json_values import without_nan
from lstm_bench.model.trainer import Fit
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

if TYPE_CHECKING:
    import pandas as pd

    from lstm_bench.record.layout import TableName

__all__ = ["Scored", "write_record"]


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
    fit: Fit | None,
    scored: Scored | None,
    provenance: dict[str, Any],
    tables: Mapping[TableName, pd.DataFrame] | None = None,
) -> None:
    """Fill a record's folder.

    ``fit`` is None for scores of another model than the LSTM, ``scored`` for a run without usable weights. ``tables``
    are further ones of the model.
    """
    (folder / "config.yaml").write_text(dump_yaml(config.to_file()), encoding="utf-8")
    if scored is not None:
        _write_scores(folder, prepared, scored)
    if fit is not None:
        epoch_table(fit.epochs).to_parquet(folder / "epochs.parquet")
        if scored is not None:
            _write_model(folder, prepared, fit)
    for name, table in (tables or {}).items():
        table.to_parquet(folder / f"{name}.parquet")
    figures = scored.evaluation.metrics if scored is not None else {}
    _write_json(folder / "metrics.json", figures)
    _write_json(folder / "provenance.json", provenance)


def _write_scores(folder: Path, prepared: Prepared, scored: Scored) -> None:
    dataset, test, evaluation = prepared.dataset, prepared.test, scored.evaluation
    place = (test.days, test.instruments, dataset.days, dataset.instruments)
    sample_table("score", scored.scores, *place).to_parquet(folder / "pred.parquet")
    sample_table("LABEL0", scored.labels, *place).to_parquet(folder / "label.parquet")
    analysis = evaluation.signal_analysis
    signal_table(evaluation.signal, analysis, evaluation.liquidity).to_parquet(folder / "ic.parquet")
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


def _write_model(folder: Path, prepared: Prepared, fit: Fit) -> None:
    (folder / "model.safetensors").write_bytes(save(fit.weights))
    fitted = {key: [step.to_json() for step in steps] for key, steps in prepared.dataset.fitted.items()}
    _write_json(folder / "statistics.json", fitted)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(without_nan(value), indent=2, allow_nan=False) + "\n", encoding="utf-8")
