"""Conversion of a dataset to named arrays and plain data for the cache, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_bench.config.sections.dataset import DatasetConfig
from lstm_bench.data.arrays import Array, Floats32
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.dataset import DataKey, Dataset, View, window_shape
from lstm_bench.dataset.segments import Segment
from lstm_bench.dataset.windows import Resident
from lstm_bench.features.columns import ColumnMap, Fill, LaggedColumns, StandardiseColumns
from lstm_bench.features.fitted import FittedStatistics
from lstm_bench.features.table import Rows

__all__ = ["pack_dataset", "unpack_dataset"]

Arrays = Mapping[str, Array]


def pack_dataset(dataset: Dataset, d_feat: int) -> tuple[dict[str, Array], dict[str, Any]]:
    """Convert a dataset to arrays and plain data.

    Settings that only affect how windows are gathered, such as ``step_len``, are left out. Features that both data
    keys share are stored once. In place of lagged columns, the bars that they are computed from are stored.

    Returns
    -------
    arrays : name -> array
    content : plain data for JSON
    """
    arrays: dict[str, Array] = {
        "days": dataset.days,
        "rows.days": dataset.rows.days,
        "rows.instruments": dataset.rows.instruments,
        "raw_labels": dataset.raw_labels,
        "embargoed": dataset.embargoed,
    }
    views: dict[str, Any] = {}
    names: dict[int, str] = {}
    for key, view in dataset.views.items():
        features = names.setdefault(id(view.features), f"{key}.features")
        if features not in arrays:
            arrays[features] = view.features.on("cpu").numpy()
        arrays |= {f"{key}.kept": view.kept, f"{key}.labels": view.labels}
        views[key] = {"features": features, "lagged": _pack_lagged(view.lagged, key, arrays)}
    content = {
        "d_feat": d_feat,
        "instruments": list(dataset.instruments),
        "feature_names": list(dataset.feature_names),
        "label_name": dataset.label_name,
        "offset": dataset.offset,
        "embargo": dataset.embargo,
        "segments": {name: [found.begin, found.end] for name, found in dataset.segments.items()},
        "views": views,
        "fitted": {
            chain: [_pack_fitted(step, f"fitted.{chain}.{i}", arrays) for i, step in enumerate(steps)]
            for chain, steps in dataset.fitted.items()
        },
    }
    return arrays, content


def unpack_dataset(
    config: DatasetConfig, arrays: Arrays, content: Mapping[str, Any], provider: Provider | None
) -> Dataset:
    """Restore a dataset, with the ``step_len`` of ``config``.

    Raises ConfigError if ``step_len`` does not fit the columns.
    """
    days, instruments = arrays["days"], tuple(content["instruments"])
    names = tuple(content["feature_names"])
    rows = Rows(arrays["rows.days"], arrays["rows.instruments"], (len(days), len(instruments)))
    step_len, n_features = window_shape(config, len(names), content["d_feat"])
    residents: dict[str, Resident] = {}
    views: dict[DataKey, View] = {}
    keys: tuple[DataKey, ...] = ("infer", "learn")
    for key in keys:
        features = content["views"][key]["features"]
        resident = residents.setdefault(features, Resident(arrays[features]))
        lagged = _unpack_lagged(content["views"][key]["lagged"], key, arrays, arrays[features], rows, names)
        views[key] = View(arrays[f"{key}.kept"], arrays[f"{key}.labels"], resident, lagged)
    return Dataset(
        config=config,
        provider=provider,
        days=days,
        instruments=instruments,
        feature_names=names,
        label_name=content["label_name"],
        step_len=step_len,
        n_features=n_features,
        rows=rows,
        raw_labels=arrays["raw_labels"],
        fitted={
            chain: tuple(_unpack_fitted(step, f"fitted.{chain}.{i}", arrays) for i, step in enumerate(steps))
            for chain, steps in content["fitted"].items()
        },
        segments={name: Segment(name, *span) for name, span in content["segments"].items()},
        offset=content["offset"],
        embargo=content["embargo"],
        embargoed=arrays["embargoed"],
        views=views,
    )


def _pack_lagged(columns: LaggedColumns | None, key: str, arrays: dict[str, Array]) -> dict[str, Any] | None:
    """Describe how lagged bars become columns; the bars themselves are stored as the features."""
    if columns is None:
        return None
    arrays[f"{key}.epsilon"] = columns.epsilon
    maps = [_pack_map(each, f"{key}.map.{i}", arrays) for i, each in enumerate(columns.maps)]
    return {"bases": list(columns.bases), "lags": list(columns.lags), "maps": maps}


def _unpack_lagged(
    packed: dict[str, Any] | None, key: str, arrays: Arrays, bars: Floats32, rows: Rows, names: Sequence[str]
) -> LaggedColumns | None:
    """Columns over bars ``[N, S + T, f]``, of which the last T days are those of the rows."""
    if packed is None:
        return None
    D = bars.shape[1]
    return LaggedColumns(
        tuple(names),
        fields=np.moveaxis(bars, 2, 0),
        bases=tuple(packed["bases"]),
        epsilon=arrays[f"{key}.epsilon"],
        lags=tuple(packed["lags"]),
        cells=rows.instruments.astype(np.int64) * D + (D - rows.shape[0]) + rows.days,
        maps=tuple(_unpack_map(each, f"{key}.map.{i}", arrays) for i, each in enumerate(packed["maps"])),
    )


def _pack_map(column_map: ColumnMap, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    if isinstance(column_map, Fill):
        return {"fill": column_map.value}
    arrays |= {f"{name}.center": column_map.center, f"{name}.scale": column_map.scale}
    return {"limit": column_map.limit}


def _unpack_map(packed: dict[str, Any], name: str, arrays: Arrays) -> ColumnMap:
    if "fill" in packed:
        return Fill(packed["fill"])
    return StandardiseColumns(arrays[f"{name}.center"], arrays[f"{name}.scale"], packed["limit"])


def _pack_fitted(step: FittedStatistics, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    arrays |= {f"{name}.center": step.center, f"{name}.scale": step.scale}
    return {"processor": step.processor, "group": step.group, "columns": list(step.columns)}


def _unpack_fitted(packed: dict[str, Any], name: str, arrays: Arrays) -> FittedStatistics:
    return FittedStatistics(
        processor=packed["processor"],
        group=packed["group"],
        columns=tuple(packed["columns"]),
        center=arrays[f"{name}.center"],
        scale=arrays[f"{name}.scale"],
    )
