"""A run's configuration as a table: all settings except the expressions of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lstm_bench.config.identity import outside_identity
from lstm_bench.config.section import Section
from lstm_bench.config.sections.processor import ProcessorConfig
from lstm_bench.config.workflow import RunConfig
from lstm_bench.core.counting import counted
from lstm_bench.report.leaderboard.setting import Span, segments
from lstm_bench.report.pages.page import Cell, PageTable, pair_table

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
    """Make the table of the configuration of a record.

    ``calendar`` is the data's first and last day. ``embargo`` has its ``days``, and numbers of samples left out of
    ``train`` and ``valid``. They are None if the record does not have them.
    """
    rows = {
        **_columns(config, embargo),
        **_rows(config, calendar),
        **_training(config),
        **_evaluation(config),
    }
    return pair_table(
        "configuration",
        "Configuration",
        [(name, Cell(text, is_text=True)) for name, text in rows.items()],
        "Defaults are included; settings without effect are left out.",
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
        days = config.lstm_bench.embargo
        return "not recorded" if days is None else counted(days, "trading day")
    if found["days"] == 0:
        return "none"
    return (
        f"{counted(found['days'], 'trading day')} before the next segment; {counted(found['train'], 'sample')} of "
        f"train and {found['valid']:,} of valid left out"
    )


def _rows(config: RunConfig, calendar: Span | None) -> dict[str, str]:
    dataset = config.task.dataset.kwargs
    handler = dataset.handler.kwargs
    spans = segments(config, calendar)
    order = "after" if handler.process_type == "append" else "beside"
    return {
        "Instruments": _text(handler.instruments or "all"),
        "Days": f"{handler.start_time or 'first of the data'} to {handler.end_time or 'last of the data'}",
        **{name.capitalize(): _span(span, spans[name]) for name, span in dataset.segments},
        "Shared processors": _chain(dataset.handler.shared_processors),
        "Infer processors": _chain(dataset.handler.infer_processors),
        f"Learn processors, {order} the infer processors": _chain(dataset.handler.learn_processors),
    }


def _span(configured: Span, clipped: Span) -> str:
    text = f"{configured[0]} to {configured[1]}"
    if clipped == configured:
        return text
    return f"{text}, of which the data have {clipped[0]} to {clipped[1]}"


def _training(config: RunConfig) -> dict[str, str]:
    """Describe the training: a row for each of ``_TRAINING``, and one for the other settings."""
    model, harness = config.task.model.kwargs, config.lstm_bench.training
    without_effect = {*model.idle, *harness.idle, *outside_identity(type(model))}
    settings = _plain(model) | _plain(harness)  # lstm_bench.training.loss replaces Qlib's only loss
    settings = {key: value for key, value in settings.items() if key not in without_effect}
    rows = {
        row: _chosen({key: settings.pop(key) for key in keys if key in settings})
        for row, keys in _TRAINING.items()
    }
    return {**rows, "Other settings": _text({"compat": config.lstm_bench.compat, **settings})}


def _chosen(values: Mapping[str, Any]) -> str:
    """Format settings; a choice in first place has no key, since it is the row's name."""
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
    """Format plain data on one line; a class as its name and its arguments."""
    if isinstance(value, Mapping):
        if "class" in value:
            options = _text(value.get("kwargs", {}))
            return f"{value['class']} ({options})" if options else str(value["class"])
        parts = {key: f"({_text(one)})" if _is_open(one) else _text(one) for key, one in value.items()}
        return ", ".join(f"{key} {part}" for key, part in parts.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,.15g}" if isinstance(value, float) else str(value)


def _is_open(value: Any) -> bool:
    """Whether a value is a mapping of settings without a class, which needs brackets."""
    return isinstance(value, Mapping) and "class" not in value
