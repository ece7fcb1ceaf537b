"""A run's configuration as a table: all that its file says, but for the expressions of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lstm_bench.config.identity import outside_identity
from lstm_bench.config.section import Section
from lstm_bench.config.sections.processor import ProcessorConfig
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.report.leaderboard.setting import Span, segments
from lstm_bench.report.pages.page import Cell, PageTable

__all__ = ["configuration_table"]

_TRAINING: Mapping[str, tuple[str, ...]] = {
    "Network": ("num_layers", "hidden_size", "dropout"),
    "Loss": ("loss", "huber_delta", "rank_temperature"),
    "Optimizer": ("optimizer", "lr", "weight_decay", "clip_grad_value", "clip_grad_norm"),
    "Learning-rate schedule": (
        "schedule", "warmup_epochs", "lr_min_factor", "lr_step_epochs", "lr_decay", "lr_patience",
    ),
    "Reweight": ("reweight", "reweight_half_life", "reweight_window"),
    "Epochs": ("n_epochs", "early_stop", "metric"),
}  # fmt: skip
"""Row -> keys of ``task.model.kwargs`` and ``lstm_bench.training``."""


def configuration_table(
    config: RunConfig, calendar: Span | None, embargo: Mapping[str, int] | None
) -> PageTable:
    """Show what a run was told.

    Parameters
    ----------
    config
        A record's.
    calendar
        The data's first and last day; None where the record does not say them.
    embargo
        ``days``, and samples of ``train`` and ``valid`` that were left out; None where the record does not say them.
    """
    rows = {
        **_columns(config, embargo),
        **_rows(config, calendar),
        **_training(config),
        **_evaluation(config),
    }
    return PageTable(
        "configuration",
        "Configuration",
        ["", ""],
        [[Cell(name), Cell(text, is_text=True)] for name, text in rows.items()],
        "Defaults are written out; what has no effect beside the rest is left out.",
        is_wide=False,
    )


def _columns(config: RunConfig, embargo: Mapping[str, int] | None) -> dict[str, str]:
    from lstm_bench.features.expression import parse

    handler = config.task.dataset.kwargs.handler
    columns = counted(config.task.model.kwargs.d_feat, "column")
    window = f", windows of {counted(config.step_len, 'day')}" if config.step_len else ""
    ahead = max(parse(text).ahead for text in handler.label.expressions)
    own_handler = "" if handler.name == config.feature_set else f"; {handler.name}"
    return {
        "Features": f"{config.feature_set}, {columns} a day{window}{own_handler}",
        "Label": "; ".join(
            text if name == text else f"{name} = {text}" for name, text in handler.label.columns.items()
        ),
        "Horizon": f"the label looks {counted(ahead, 'trading day')} ahead",
        "Embargo": _embargo(config, embargo),
    }


def _embargo(config: RunConfig, found: Mapping[str, int] | None) -> str:
    if found is None:
        given = config.lstm_bench.embargo
        return "not recorded" if given is None else counted(given, "trading day")
    if found["days"] == 0:
        return "none"
    return (
        f"{counted(found['days'], 'trading day')} before the next segment; {counted(found['train'], 'sample')} "
        f"of train and "
        f"{found['valid']:,} of valid left out"
    )


def _rows(config: RunConfig, calendar: Span | None) -> dict[str, str]:
    dataset = config.task.dataset.kwargs
    handler = dataset.handler.kwargs
    spans = segments(config, calendar)
    order = (
        "after the infer processors" if handler.process_type == "append" else "beside the infer processors"
    )
    return {
        "Instruments": _text(handler.instruments or "all"),
        "Days": f"{handler.start_time or 'first of the data'} to {handler.end_time or 'last of the data'}",
        **{name.capitalize(): _span(span, spans[name]) for name, span in dataset.segments},
        "Shared processors": _chain(dataset.handler.shared_processors),
        "Infer processors": _chain(dataset.handler.infer_processors),
        f"Learn processors, {order}": _chain(dataset.handler.learn_processors),
    }


def _span(told: Span, there: Span) -> str:
    text = f"{told[0]} to {told[1]}"
    return text if there == told else f"{text}, of which the data have {there[0]} to {there[1]}"


def _training(config: RunConfig) -> dict[str, str]:
    """Say how it was trained: the keys of ``_TRAINING``, then what else there is."""
    given, own = config.task.model.kwargs, config.lstm_bench.training
    said = {**_plain(given), **_plain(own)}  # our loss takes the place of Qlib's only one
    left_out = {*given.idle, *own.idle, *outside_identity(type(given))}
    said = {key: value for key, value in said.items() if key not in left_out}
    rows = {
        row: _chosen({key: said.pop(key) for key in keys if key in said}) for row, keys in _TRAINING.items()
    }
    return {**rows, "Other settings": _text({"compat": config.lstm_bench.compat, **said})}


def _chosen(values: Mapping[str, Any]) -> str:
    """Write settings; a choice that comes first goes without its key, which the row's name repeats."""
    first, *rest = values.items()
    if not isinstance(first[1], str):
        return _text(values)
    return ", ".join(part for part in (first[1], _text(dict(rest))) if part)


def _evaluation(config: RunConfig) -> dict[str, str]:
    backtest = config.portfolio_analysis
    parts = {} if backtest is None else _plain(backtest)
    return {
        "Region": config.qlib_init.region,
        "Signal analysis": _text(_plain(config.signal_analysis)),
        **{key.capitalize(): _text(part) for key, part in parts.items()},
    }


def _plain(section: Section) -> dict[str, Any]:
    content: dict[str, Any] = section.model_dump(mode="json", by_alias=True)
    return content


def _chain(processors: Sequence[ProcessorConfig]) -> str:
    return "; ".join(_text(_plain(entry)) for entry in processors) or "none"


def _text(value: Any) -> str:
    """Write plain data on one line; a class as its name and what it is given."""
    if isinstance(value, Mapping):
        if "class" in value:
            given = _text(value.get("kwargs", {}))
            return f"{value['class']} ({given})" if given else str(value["class"])
        parts = {key: f"({_text(one)})" if _is_open(one) else _text(one) for key, one in value.items()}
        return ", ".join(f"{key} {part}" for key, part in parts.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,.15g}" if isinstance(value, float) else str(value)


def _is_open(value: Any) -> bool:
    """Whether it is a mapping of settings and no class, so that brackets must hold it together."""
    return isinstance(value, Mapping) and "class" not in value
