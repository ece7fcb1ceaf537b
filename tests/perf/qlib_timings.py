"""Time pyqlib on a Qlib folder; run by against_qlib.py with the interpreter that has pyqlib.

    python qlib_timings.py DATA KERNELS N_JOBS PRED WHAT... > JSON

WHAT: alpha158-20, alpha158, alpha360 (dataset builds), evaluation (of the scores in PRED, a Parquet file),
epoch-alpha158, epoch-alpha360. The answer is wall seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SEGMENTS = {
    "train": ("2010-01-01", "2014-12-31"),
    "valid": ("2015-01-01", "2016-12-31"),
    "test": ("2017-01-01", "2020-08-01"),
}
COLUMNS = [
    "RESI5", "WVMA5", "RSQR5", "KLEN", "RSQR10", "CORR5", "CORD5", "CORR10", "ROC60", "RESI10", "VSTD5", "RSQR60",
    "CORR60", "WVMA60", "STD5", "RSQR20", "CORD60", "CORD10", "CORR20", "KLOW",
]  # fmt: skip


def handler_kwargs(keep: list[str] | None) -> dict[str, Any]:
    infer: list[dict[str, Any]] = [
        {"class": "RobustZScoreNorm", "kwargs": {"fields_group": "feature", "clip_outlier": True}},
        {"class": "Fillna", "kwargs": {"fields_group": "feature"}},
    ]
    if keep:
        infer.insert(0, {"class": "FilterCol", "kwargs": {"fields_group": "feature", "col_list": keep}})
    return {
        "instruments": "csi300",
        "start_time": "2010-01-01",
        "end_time": "2020-08-01",
        "fit_start_time": "2010-01-01",
        "fit_end_time": "2014-12-31",
        "infer_processors": infer,
        "learn_processors": [
            {"class": "DropnaLabel"},
            {"class": "CSRankNorm", "kwargs": {"fields_group": "label"}},
        ],
        "label": ["Ref($close, -2) / Ref($close, -1) - 1"],
    }


def build(features: str) -> Any:
    from qlib.contrib.data.handler import Alpha158, Alpha360
    from qlib.data.dataset import DatasetH, TSDatasetH

    if features == "alpha360":
        return DatasetH(handler=Alpha360(**handler_kwargs(None)), segments=SEGMENTS)
    keep = COLUMNS if features == "alpha158-20" else None
    return TSDatasetH(handler=Alpha158(**handler_kwargs(keep)), segments=SEGMENTS, step_len=20)


def time_dataset(features: str) -> dict[str, float]:
    start = time.perf_counter()
    dataset = build(features)
    for segment, key in (("train", "learn"), ("valid", "learn"), ("test", "infer")):
        dataset.prepare(segment, col_set=["feature", "label"], data_key=key)
    return {f"dataset {features}": time.perf_counter() - start}


def time_epoch(features: str, n_jobs: int) -> dict[str, float]:
    """One epoch as Qlib's own ``fit`` takes it (train pass, score train, score valid), and ``predict``."""
    from qlib.contrib.model.pytorch_lstm import LSTM
    from qlib.contrib.model.pytorch_lstm_ts import LSTM as TSLSTM

    dataset = build("alpha360" if features == "alpha360" else "alpha158-20")
    shape = {"hidden_size": 64, "num_layers": 2, "dropout": 0.0}
    training = {
        "n_epochs": 1,
        "lr": 1e-3,
        "batch_size": 800,
        "early_stop": 10,
        "metric": "loss",
        "loss": "mse",
    }
    own = {"GPU": -1, "seed": 0}
    if features == "alpha360":
        model = LSTM(d_feat=6, **shape, **training, **own)
    else:
        model = TSLSTM(d_feat=20, n_jobs=n_jobs, **shape, **training, **own)
    start = time.perf_counter()
    model.fit(dataset, save_path=str(Path(tempfile.mkdtemp()) / "model"))
    fitted = time.perf_counter()
    model.predict(dataset)
    return {f"epoch {features}": fitted - start, f"predict {features}": time.perf_counter() - fitted}


def time_evaluation(pred_path: str) -> dict[str, float]:
    """Time ``SigAnaRecord``'s and ``PortAnaRecord``'s computations on given predictions, logging left out."""
    import pandas as pd
    from qlib.backtest import backtest as run_backtest
    from qlib.contrib.eva.alpha import calc_ic
    from qlib.contrib.evaluate import risk_analysis
    from qlib.data import D

    pred = pd.read_parquet(pred_path)
    pred = pred.iloc[:, 0].rename("score").to_frame()
    label = D.features(D.instruments("csi300"), ["Ref($close, -2)/Ref($close, -1) - 1"], *SEGMENTS["test"])
    label = label.swaplevel().sort_index().iloc[:, 0].reindex(pred.index)
    start = time.perf_counter()
    ic, ric = calc_ic(pred["score"], label)
    ic.mean() / ic.std(), ric.mean() / ric.std()
    signal = time.perf_counter() - start
    start = time.perf_counter()
    report, _ = run_backtest(
        start_time=SEGMENTS["test"][0], end_time=SEGMENTS["test"][1], account=1e8, benchmark="SH000300",
        strategy={"class": "TopkDropoutStrategy", "module_path": "qlib.contrib.strategy",
                  "kwargs": {"signal": pred, "topk": 50, "n_drop": 5}},
        executor={"class": "SimulatorExecutor", "module_path": "qlib.backtest.executor",
                  "kwargs": {"time_per_step": "day", "generate_portfolio_metrics": True}},
        exchange_kwargs={"freq": "day", "limit_threshold": 0.095, "deal_price": "close", "open_cost": 0.0005,
                         "close_cost": 0.0015, "min_cost": 5},
    )  # fmt: skip
    daily = report["1day"][0]
    risk_analysis(daily["return"] - daily["bench"], freq="1day")
    risk_analysis(daily["return"] - daily["bench"] - daily["cost"], freq="1day")
    return {"signal metrics": signal, "backtest": time.perf_counter() - start}


def main() -> None:
    data, kernels, n_jobs, pred, *wanted = sys.argv[1:]
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    seconds: dict[str, float] = {}
    with contextlib.redirect_stdout(sys.stderr):
        import qlib
        import torch

        torch.set_num_threads(2)
        qlib.init(provider_uri=data, region="cn", kernels=int(kernels), logging_level=30)
        for what in wanted:
            if what.startswith("epoch-"):
                seconds |= time_epoch(what.removeprefix("epoch-"), int(n_jobs))
            elif what == "evaluation":
                seconds |= time_evaluation(pred)
            else:
                seconds |= time_dataset(what)
    json.dump(seconds, sys.stdout)


if __name__ == "__main__":
    main()
