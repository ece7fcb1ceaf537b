"""Variants of the two workflow files: one key changed at a time, as files that pyqlib and this package both judge."""

from __future__ import annotations

import copy
import datetime
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

from lstm_bench.config.ready import ready_folder
from lstm_bench.data.synthetic import synthesize

__all__ = ["Variant", "make_market", "write_variants"]

Workflow = Literal["alpha158", "alpha360"]

_SHORT = {
    "handler": "task.dataset.kwargs.handler.kwargs",
    "dataset": "task.dataset.kwargs",
    "model": "task.model.kwargs",
    "backtest": "task.record.2.kwargs.config.backtest",
    "exchange": "task.record.2.kwargs.config.backtest.exchange_kwargs",
    "strategy": "task.record.2.kwargs.config.strategy.kwargs",
}
"""First part of a key -> what it stands for."""

_FIRST, _FIT_END = datetime.date(2019, 10, 8), datetime.date(2020, 3, 31)
_TEST, _LAST = datetime.date(2020, 7, 1), datetime.date(2020, 9, 25)


@dataclass(frozen=True)
class Variant:
    """A change to a workflow file.

    Attributes
    ----------
    name : unique among all variants
    changes : dotted key -> a text of YAML, or None to take the key out; a first part of :data:`_SHORT` stands for more
    workflow : which file is changed; its dates, model and market are small
    replaced : old -> new in the text of the file, afterwards
    files : other files beside it, name -> text, in which ``@WORKFLOW@`` is the unchanged file
    environment : variables for its template
    until : how far pyqlib goes: ``record`` (segments prepared, records constructed), ``train`` (the model fitted too),
        ``generate`` (the records generated too)
    differs : names the difference in docs/qlib.md, where this package and pyqlib do not agree
    says : part of this package's message, where it refuses
    """

    name: str
    changes: Mapping[str, str | None] = field(default_factory=dict)
    workflow: Workflow = "alpha158"
    replaced: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    until: Literal["record", "train", "generate"] = "record"
    differs: str = ""
    says: str = ""


def make_market(folder: Path) -> Path:
    """Write the market that all variants read: 12 stocks on the 260 business days up to 2020-09-30."""
    market = folder / "market"
    synthesize(market, stocks=12, days=260, seed=0)
    return market


def write_variants(variants: tuple[Variant, ...], folder: Path, market: Path) -> dict[str, Path]:
    """Write each variant as ``<name>/workflow.yaml`` below a folder.

    Returns
    -------
    Variant -> its file
    """
    bases = {name: _base(name, market) for name in ("alpha158", "alpha360")}
    paths = {}
    for variant in variants:
        content = copy.deepcopy(bases[variant.workflow])
        for key, text in variant.changes.items():
            _change(content, _dotted(key), text)
        rendered = _dump(content)
        for old, new in variant.replaced.items():
            if old not in rendered:
                raise ValueError(f"{variant.name}: the file has no {old!r}")
            rendered = rendered.replace(old, new)
        own = folder / variant.name
        own.mkdir(parents=True)
        for name, text in variant.files.items():
            (own / name).write_text(text.replace("@WORKFLOW@", _dump(bases[variant.workflow])))
        paths[variant.name] = own / "workflow.yaml"
        paths[variant.name].write_text(rendered)
    return paths


def _base(workflow: Workflow, market: Path) -> dict[str, Any]:
    """Return the ready file with the market's dates and a model that trains in a moment."""
    content: dict[str, Any] = _parse((ready_folder("configs") / f"lstm_{workflow}.yaml").read_text())
    content["qlib_init"]["provider_uri"] = str(market)
    task = content["task"]
    task["model"]["kwargs"] |= {
        "hidden_size": 4,
        "num_layers": 1,
        "n_epochs": 1,
        "batch_size": 100,
        "GPU": -1,
    }
    task["dataset"]["kwargs"]["handler"]["kwargs"] |= {
        "start_time": _FIRST, "end_time": _LAST, "fit_start_time": _FIRST, "fit_end_time": _FIT_END,
    }  # fmt: skip
    task["dataset"]["kwargs"]["segments"] = {
        "train": [_FIRST, _FIT_END],
        "valid": [datetime.date(2020, 4, 1), datetime.date(2020, 6, 30)],
        "test": [_TEST, _LAST],
    }
    if workflow == "alpha158":
        task["model"]["kwargs"]["n_jobs"] = 0
        task["dataset"]["kwargs"]["step_len"] = 5
    portfolio = task["record"][2]["kwargs"]["config"]
    portfolio["strategy"]["kwargs"] |= {"topk": 4, "n_drop": 1}
    portfolio["backtest"] |= {"start_time": _TEST, "end_time": _LAST}
    return {key: content[key] for key in ("qlib_init", "task")}


def _dotted(key: str) -> list[str]:
    first, _, rest = key.partition(".")
    whole = ".".join(part for part in (_SHORT.get(first, first), rest) if part)
    return whole.split(".")


def _change(content: Any, keys: list[str], text: str | None) -> None:
    for key in keys[:-1]:
        content = content[int(key)] if isinstance(content, list) else content.setdefault(key, {})
    last: Any = int(keys[-1]) if isinstance(content, list) else keys[-1]
    if text is None and isinstance(content, dict):
        content.pop(last, None)
    else:
        content[last] = _parse(text or "null")


def _parse(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def _dump(content: Any) -> str:
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 10_000
    yaml.representer.ignore_aliases = lambda *_: True
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()
