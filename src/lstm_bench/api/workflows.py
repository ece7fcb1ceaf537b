"""Read workflow files, and build their datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_bench.api.arguments import PathLike
from lstm_bench.config import workflow
from lstm_bench.config.workflow import RunConfig
from lstm_bench.data.provider import Provider

if TYPE_CHECKING:
    from lstm_bench.dataset.dataset import Dataset

__all__ = ["build_dataset", "load_workflow"]


def load_workflow(path: PathLike, overrides: Mapping[str, Any] | Iterable[str] = ()) -> RunConfig:
    """Read a Qlib workflow file.

    Parameters
    ----------
    path
        The file; ``qrun`` takes the same ones.
    overrides
        Dotted key -> value, such as ``{"task.model.kwargs.lr": 5e-4}``, or ``key=value`` texts with YAML values. An
        anchored value changes at every alias.

    Returns
    -------
    RunConfig
        A frozen object with the file's sections.

    Raises
    ------
    ConfigError
        If the file or an override is wrong.
    """
    return workflow.load_workflow(Path(path), overrides)


def build_dataset(config: RunConfig | PathLike) -> Dataset:
    """Build the dataset of a configuration: features and label, processed, in segments.

    Returns
    -------
    Dataset
        ``table("raw" | "infer" | "learn")`` is the handler's table, by (datetime, instrument), with columns (group,
        name). ``windows(segment, "infer" | "learn")`` is ``(index, X, y)``: the samples of a segment in Qlib's order,
        ``X [B, L, F]`` float32 with the sample's own day last, and the processed label ``y [B]``.

    Raises
    ------
    ConfigError
        If columns, ``step_len`` and the model's ``d_feat`` do not fit each other.
    DataError
        If a segment has no day, no bar or no label.
    """
    from lstm_bench.dataset import build
    from lstm_bench.dataset.guards import embargo_days

    chosen = (config if isinstance(config, RunConfig) else load_workflow(config)).resolved()
    return build.build_dataset(
        chosen.task.dataset,
        Provider(chosen.qlib_init.provider_uri),
        d_feat=chosen.task.model.kwargs.d_feat,
        embargo=embargo_days(chosen),
    )
