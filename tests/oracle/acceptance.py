"""What this package says to workflow files, in the terms in which pyqlib answers (``ask_acceptance.py``)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pytest
from tests.oracle.variant import Variant

from lstm_bench.config.sections.dataset import SegmentName
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.core.errors import LstmBenchError
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.dataset.guards import embargo_days
from lstm_bench.run.preparation import prepare

__all__ = ["FIXTURES", "compare", "judge", "recorded", "request"]

FIXTURES = Path(__file__).parent / "fixtures"


def request(variants: tuple[Variant, ...], paths: Mapping[str, Path]) -> dict[str, Any]:
    """Say what ``ask_acceptance.py`` is to judge."""
    return {
        variant.name: {
            "path": str(paths[variant.name]),
            "environment": dict(variant.environment),
            "until": variant.until,
        }
        for variant in variants
    }


def recorded(name: str) -> dict[str, dict[str, Any]]:
    """Read pyqlib's committed verdicts on a list of variants: variant -> stage, error, samples, metrics."""
    verdicts: dict[str, dict[str, Any]] = json.loads((FIXTURES / f"acceptance_{name}.json").read_text())
    return verdicts


def judge(variant: Variant, path: Path, market: Path) -> dict[str, Any]:
    """Load a file and prepare its run, as ``run`` does before it trains.

    Returns
    -------
    ``error``, the message of a refusal, or ``samples`` as in pyqlib's verdict
    """
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variant.environment.items():
                patch.setenv(name, value)
            patch.chdir(market.parent)
            config = load_workflow(path).resolved()
            provider = Provider(config.qlib_init.provider_uri)
            dataset = prepare(config, provider, lambda *_, **__: _build(config, provider)).dataset
    except LstmBenchError as error:
        return {"error": str(error)}
    keys: dict[SegmentName, Literal["learn", "infer"]] = {"train": "learn", "valid": "learn", "test": "infer"}
    return {"samples": {name: _samples(dataset, name, keys[name]) for name in get_args(SegmentName)}}


_built: dict[str, Dataset] = {}


def _build(config: RunConfig, provider: Provider) -> Dataset:
    """Build a dataset once for all variants that have it in common."""
    section, d_feat = config.resolved().task.dataset, config.task.model.kwargs.d_feat
    key = f"{provider.root} {d_feat} {section.model_dump_json(by_alias=True)}"
    if key not in _built:
        _built[key] = build_dataset(section, provider, d_feat=d_feat, embargo=embargo_days(config))
    return _built[key]


def _samples(dataset: Dataset, segment: SegmentName, key: Literal["learn", "infer"]) -> dict[str, Any]:
    index, X, y = dataset.windows(segment, key)
    values, labels = X.astype(np.float64), y.astype(np.float64)
    days, codes = (index.get_level_values(level) for level in ("datetime", "instrument"))
    ends = [f"{str(days[position])[:10]} {codes[position]}" for position in (0, -1)]
    sums = [float(np.nansum(part)) for part in (values, np.abs(values), labels, np.abs(labels))]
    missing = [int(np.isnan(values).sum()), int(np.isnan(labels).sum())]
    return {"count": len(index), "ends": ends, "missing": missing, "sums": sums}


def compare(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """Describe how the two verdicts differ; empty if they agree."""
    if ("error" in theirs) != ("error" in ours):
        return f"pyqlib: {theirs.get('error', 'takes it')}; lstm-bench: {ours.get('error', 'takes it')}"
    if "error" in ours:
        return ""
    for segment, expected in theirs["samples"].items():
        found = ours["samples"][segment]
        for what in ("count", "ends", "missing"):
            if found[what] != expected[what]:
                return f"{segment}: pyqlib has {what} {expected[what]}, lstm-bench {found[what]}"
        scale = expected["sums"][1::2]
        for position, (value, wanted) in enumerate(zip(found["sums"], expected["sums"], strict=True)):
            if not math.isclose(value, wanted, rel_tol=1e-4, abs_tol=1e-5 * scale[position // 2]):
                return f"{segment}: pyqlib has sums {expected['sums']}, lstm-bench {found['sums']}"
    return ""
