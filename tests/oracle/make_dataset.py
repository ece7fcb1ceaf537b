"""Writes pyqlib's results on a synthetic market: processed tables, samples, windows and two epochs of each LSTM.

Run with pyqlib's interpreter: ``python make_dataset.py PROVIDER OUT``. See README.md.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

import qlib
import torch
from qlib.contrib.model.pytorch_lstm import LSTM as LSTM360
from qlib.contrib.model.pytorch_lstm_ts import LSTM as LSTM158
from qlib.data import D
from qlib.data.dataset.weight import Reweighter
from qlib.utils import init_instance_by_config

Config = dict[str, Any]

TABLE_EVERY = 10
"""The tables hold every tenth day."""
WINDOWS = 12
"""Windows per segment: the first four, the last four and a random choice between."""
HALF_LIFE = 60
"""Trading days after which a weighted sample counts half."""
KEYS = {"train": "learn", "valid": "learn", "test": "infer"}

TWENTY = [
    "RESI5", "WVMA5", "RSQR5", "KLEN", "RSQR10", "CORR5", "CORD5", "CORR10", "ROC60", "RESI10",
    "VSTD5", "RSQR60", "CORR60", "WVMA60", "STD5", "RSQR20", "CORD60", "CORD10", "CORR20", "KLOW",
]  # fmt: skip
FOUR = ["ROC5", "KLEN", "CORR5", "WVMA5"]
RETURN = ["Ref($close, -2) / Ref($close, -1) - 1"]
FIVE_DAYS = "Ref($close, -6)/Ref($close, -1) - 1"
OWN = {
    "MOM5": "$close/Ref($close, 5)-1",
    "VOL20": "Std($close/Ref($close, 1)-1, 20)",
    "TURN": "Log($volume/(Mean($volume, 20)+1e-12)+1)",
    "CORR10": "Corr($close/Ref($close, 1), $volume/Ref($volume, 1), 10)",
    "EMA_GAP": "EMA($close, 12)/EMA($close, 26)-1",
    "UPS": "Sum($close>$open, 10)/10",
}


def step(name: str, **kwargs: Any) -> Config:
    """Configure a processor."""
    return {"class": name, "kwargs": kwargs}


def loader(name: str, **groups: Any) -> Config:
    """Configure a loader of own columns."""
    module = "qlib.data.dataset.loader" if name == "QlibDataLoader" else "qlib.contrib.data.loader"
    return {"class": name, "module_path": module, "kwargs": {"config": groups}}


KEEP_FOUR = step("FilterCol", fields_group="feature", col_list=FOUR)
ROBUST = [
    step("RobustZScoreNorm", fields_group="feature", clip_outlier=True),
    step("Fillna", fields_group="feature"),
]
RANKED = [step("DropnaLabel"), step("CSRankNorm", fields_group="label")]

# name -> (handler, its processors and label, columns to store; the label column is stored as well)
CASES: dict[str, tuple[str, Config, list[str]]] = {
    "workflow158": (
        "Alpha158",
        {
            "infer_processors": [step("FilterCol", fields_group="feature", col_list=TWENTY), *ROBUST],
            "learn_processors": RANKED,
            "label": RETURN,
        },
        ["KLEN", "ROC60", "CORR5", "RESI5"],
    ),
    "defaults158": ("Alpha158", {}, ["KMID", "VWAP0", "ROC60", "RSV5"]),
    "workflow360": (
        "Alpha360",
        {"infer_processors": ROBUST, "learn_processors": RANKED, "label": RETURN},
        ["CLOSE59", "CLOSE0", "VWAP0", "VOLUME1"],
    ),
    "defaults360": ("Alpha360", {}, ["CLOSE59", "CLOSE0", "VWAP0", "VOLUME1"]),
    "minmax": (
        "Alpha158",
        {
            "infer_processors": [
                KEEP_FOUR,
                # the handler's fit dates win over these
                step(
                    "MinMaxNorm",
                    fields_group="feature",
                    fit_start_time="2019-09-02",
                    fit_end_time="2019-09-03",
                ),
                step("Fillna", fields_group="feature", fill_value=0.25),
            ],
            "learn_processors": [
                step("DropnaLabel"),
                step("CSZScoreNorm", fields_group="label", method="robust"),
            ],
        },
        FOUR,
    ),
    "zscore": (
        "Alpha158",
        {
            "infer_processors": [KEEP_FOUR, step("ZScoreNorm")],
            "learn_processors": [step("DropnaProcessor"), step("MinMaxNorm")],
        },
        FOUR,
    ),
    "robust_unclipped": (
        "Alpha158",
        {
            "infer_processors": [
                step("DropCol", col_list=["KLEN"]),
                KEEP_FOUR,
                step("RobustZScoreNorm", clip_outlier=False),
                step("Fillna"),
            ],
            "learn_processors": [step("CSRankNorm")],
        },
        ["ROC5", "CORR5", "WVMA5"],
    ),
    "tanh": (
        "Alpha158",
        # a bare label has no "LABEL" in its name, so that the tanh takes it for a feature
        {"infer_processors": [KEEP_FOUR, step("TanhProcess")], "learn_processors": RANKED, "label": RETURN},
        FOUR,
    ),
    "tanh_named_label": (
        "Alpha158",
        {"infer_processors": [KEEP_FOUR, step("TanhProcess")], "learn_processors": RANKED},
        FOUR,
    ),
    "cross_section": (
        "Alpha158",
        {
            "infer_processors": [
                KEEP_FOUR,
                step("CSZFillna", fields_group="feature"),
                step("CSZScoreNorm", fields_group=["feature"], method="robust"),
            ],
            "learn_processors": [
                step("DropnaLabel"),
                step("CSZScoreNorm", fields_group=["feature", "label"]),
            ],
        },
        FOUR,
    ),
    "infinite": (
        "Alpha158",
        {
            "infer_processors": [KEEP_FOUR, step("ProcessInf"), step("CSZFillna")],
            "learn_processors": [step("DropnaLabel")],
            "label": ["1 / ($close - Ref($close, 1))"],  # equal closes give infinity
        },
        FOUR,
    ),
    "independent": (
        "Alpha158",
        {
            "process_type": "independent",
            "infer_processors": [KEEP_FOUR, *ROBUST],
            "learn_processors": [
                KEEP_FOUR,
                step("DropnaLabel"),
                step("ZScoreNorm", fields_group="feature"),
                step("Fillna", fields_group="feature"),
                step("CSRankNorm", fields_group="label"),
            ],
        },
        FOUR,
    ),
    "holes": (
        "Alpha158",
        {
            "infer_processors": [KEEP_FOUR, step("DropnaProcessor", fields_group="feature")],
            "learn_processors": RANKED,
        },
        FOUR,
    ),
    "own_columns": (
        "DataHandlerLP",
        {
            "data_loader": loader(
                "QlibDataLoader", feature=[list(OWN.values()), list(OWN)], label=[[FIVE_DAYS], ["LABEL5"]]
            ),
            "infer_processors": ROBUST,
            "learn_processors": RANKED,
        },
        list(OWN),
    ),
    "loader158": (
        "DataHandlerLP",
        {
            "data_loader": loader("Alpha158DL", label=RETURN),
            "infer_processors": [KEEP_FOUR, *ROBUST],
            "learn_processors": RANKED,
        },
        FOUR,
    ),
}

LSTM = {
    "d_feat": 20, "hidden_size": 16, "num_layers": 2, "dropout": 0.0,
    "n_epochs": 2, "lr": 1e-3, "early_stop": 10, "batch_size": 200,
    "metric": "loss", "loss": "mse", "optimizer": "adam", "n_jobs": 0, "GPU": -1, "seed": 0,
}  # fmt: skip


def dataset_config(handler: str, own: Config) -> Config:
    """Configure a dataset, its segments at 60 % and 75 % of the days."""
    days = [str(day.date()) for day in D.calendar()]
    if handler == "Alpha360" and not own:
        days = days[-40:]  # pyqlib's ProcessInf takes seconds a day for 360 columns
    train, valid, test = int(0.6 * len(days)), int(0.75 * len(days)), len(days) - 3
    common = {"instruments": "csi300", "start_time": days[0], "end_time": days[test]}
    fit = {"fit_start_time": days[0], "fit_end_time": days[train - 1]}
    module = "qlib.contrib.data.handler"
    if handler == "DataHandlerLP":  # its processors have fit dates of their own
        module = "qlib.data.dataset.handler"
        chain = [
            {**entry, "kwargs": entry["kwargs"] | (fit if entry["class"] == "RobustZScoreNorm" else {})}
            for entry in own["infer_processors"]
        ]
        own = own | {"infer_processors": chain}
    else:
        common |= fit
    kwargs = {
        "handler": {"class": handler, "module_path": module, "kwargs": common | own},
        "segments": {
            "train": [days[0], days[train - 1]],
            "valid": [days[train], days[valid - 1]],
            "test": [days[valid], days[test]],
        },
    }
    if handler != "Alpha360":
        return {
            "class": "TSDatasetH",
            "module_path": "qlib.data.dataset",
            "kwargs": {**kwargs, "step_len": 8},
        }
    return {"class": "DatasetH", "module_path": "qlib.data.dataset", "kwargs": kwargs}


def flat(table: pd.DataFrame) -> pd.DataFrame:
    """Drop the column groups."""
    return table.set_axis(table.columns.get_level_values(-1), axis=1)


def write(table: pd.DataFrame, path: Path) -> None:
    floats = {name: np.float32 for name, kind in table.dtypes.items() if kind == np.float64}
    table.astype(floats).to_parquet(path, index=False, compression="zstd")


def tables(handler: Any, columns: list[str]) -> pd.DataFrame:
    """Stack some days of the infer and the learn table: key, datetime, instrument, columns, label."""
    days = handler._data.index.unique("datetime").sort_values()[::TABLE_EVERY]
    parts = {}
    for key, table in (("infer", flat(handler._infer)), ("learn", flat(handler._learn))):
        kept = table[[*columns, table.columns[-1]]]
        parts[key] = kept[kept.index.get_level_values("datetime").isin(days)]
    return pd.concat(parts, names=["key"]).reset_index()


def samples_and_windows(dataset: Any, columns: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Collect the order of all samples of each segment, and the windows of some of them.

    A window of Alpha360 is what the model makes of a row: 60 steps of six fields.
    """
    rng = np.random.default_rng(0)
    samples, windows = [], []
    for segment, key in KEYS.items():
        data = dataset.prepare(segment, col_set=["feature", "label"], data_key=key)
        if isinstance(data, pd.DataFrame):
            index = data.index
        else:
            data.config(fillna_type="ffill+bfill")
            index = data.get_index()
        middle = rng.choice(np.arange(4, len(index) - 4), WINDOWS - 8, replace=False)
        positions = [*range(4), *np.sort(middle).tolist(), *range(len(index) - 4, len(index))]
        if isinstance(data, pd.DataFrame):
            rows = data.iloc[positions]
            x = rows["feature"].to_numpy().reshape(len(rows), 6, -1).transpose(0, 2, 1)
            label = rows["label"].to_numpy()
            values = np.concatenate([x, np.broadcast_to(label[:, None, :], (*x.shape[:2], 1))], axis=2)
            names = ["CLOSE", "OPEN", "HIGH", "LOW", "VWAP", "VOLUME", rows.columns[-1][-1]]
        else:
            names = list(flat(dataset.handler._learn).columns)
            names = [*columns, names[-1]]
            kept = [list(flat(dataset.handler._learn).columns).index(name) for name in names]
            values = data[positions][:, :, kept]
        length = values.shape[1]
        window = pd.DataFrame(values.reshape(-1, len(names)), columns=names)
        window.insert(0, "step", np.tile(np.arange(length, dtype=np.int16), len(positions)))
        window.insert(0, "position", np.repeat(np.array(positions, np.int32), length))
        window.insert(0, "segment", segment)
        windows.append(window)
        sample = index.to_frame(index=False)[["datetime", "instrument"]]
        sample.insert(0, "segment", segment)
        samples.append(sample)
    return pd.concat(samples), pd.concat(windows)


class Decay(Reweighter):  # type: ignore[misc]
    """Weights that halve with age, of mean 1."""

    def __init__(self) -> None:
        pass

    def reweight(self, data: Any) -> Any:
        days = data.get_index().get_level_values("datetime")
        age = (len(days.unique()) - 1 - days.unique().sort_values().get_indexer(days)) / HALF_LIFE
        return 0.5**age / (0.5**age).mean()


def train(dataset: Any, handler: str) -> tuple[Config, pd.DataFrame]:
    """Fit pyqlib's model for two epochs; give its configuration, scores and predictions.

    The model that takes weights is fitted a second time, with some.
    """
    kwargs = LSTM | ({} if handler == "Alpha158" else {"d_feat": 6})
    model = (LSTM158 if handler == "Alpha158" else LSTM360)(**kwargs)
    scores: dict[str, list[float]] = {}
    model.fit(dataset, evals_result=scores)
    prediction = model.predict(dataset).to_frame("score").reset_index()
    if handler == "Alpha158":
        weighted: dict[str, list[float]] = {}
        LSTM158(**kwargs).fit(dataset, evals_result=weighted, reweighter=Decay())
        scores |= {f"weighted_{key}": values for key, values in weighted.items()}
    found = {key: [float(score) for score in values] for key, values in scores.items()}
    return {"kwargs": kwargs, "scores": found}, prediction[["datetime", "instrument", "score"]]


def main(provider: str, out: Path) -> None:
    qlib.init(provider_uri=provider, region="cn", kernels=1, logging_level=40)
    torch.set_num_threads(1)
    cases: dict[str, Config] = {}
    for name, (handler, own, columns) in CASES.items():
        config = dataset_config(handler, own)
        dataset = init_instance_by_config(config)
        table = tables(dataset.handler, columns)
        samples, windows = samples_and_windows(dataset, columns)
        write(table, out / f"dataset_{name}_table.parquet")
        write(samples, out / f"dataset_{name}_samples.parquet")
        write(windows, out / f"dataset_{name}_windows.parquet")
        parts = {"infer": dataset.handler._infer, "learn": dataset.handler._learn}
        cases[name] = {
            "dataset": config,
            "columns": list(table.columns[3:]),
            "label_dtype": {key: str(part.dtypes.iloc[-1]) for key, part in parts.items()},
        }
        if name.startswith("workflow"):
            cases[name]["model"], prediction = train(dataset, handler)
            prediction.to_parquet(out / f"dataset_{name}_pred.parquet", index=False, compression="zstd")
    (out / "dataset.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
