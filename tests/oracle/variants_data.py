# ruff: noqa: E501 - a change is a line of YAML
"""Variants of a workflow file's data and model, without the backtest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.oracle.variant import Variant

__all__ = ["DATA"]

_READING = (
    Variant("unchanged_158"),
    Variant("unchanged_360", workflow="alpha360"),
    Variant("no_record", {"task.record": None}),
    Variant("record_null", {"task.record": "null"}),
    Variant("record_empty", {"task.record": "[]"}),
    Variant("record_a_mapping", {"task.record": "{class: SignalRecord, kwargs: {}}"}),
    Variant("record_a_text", {"task.record": "SignalRecord"}),
    Variant("record_names_alone", {"task.record": "[SignalRecord, SigAnaRecord]"}),
    Variant("record_no_module", {"task.record.0.module_path": None, "task.record.1.module_path": None}),
    Variant("record_no_kwargs", {"task.record.0.kwargs": None, "task.record.1.kwargs": None}),
    Variant("record_kwargs_null", {"task.record.0.kwargs": "null"}),
    Variant("record_dotted", {"task.record.0": "{class: qlib.workflow.record_temp.SignalRecord}"}),
    Variant("record_dotted_text", {"task.record.0": "qlib.workflow.record_temp.SignalRecord"}),
    Variant("record_unknown_class", {"task.record.0": "{class: SignalRecorder}"}),
    Variant("record_twice", {"task.record": "[SignalRecord, SignalRecord]"}),
    Variant("record_unknown_kwarg", {"task.record.1.kwargs.nonsense": "1"}),
    Variant("record_skip_existing", {"task.record.1.kwargs.skip_existing": "true"}),
    Variant("record_label_col", {"task.record.1.kwargs.label_col": "0"}),
    Variant("record_long_short", {"task.record.1.kwargs.ana_long_short": "true"}),
    Variant("record_extra_key", {"task.record.0.note": "mine"}),
    Variant("sys_path", {"sys": "{rel_path: [.], path: [/tmp]}"}),
    Variant("sys_text", {"sys": "{rel_path: .}"}),
    Variant("experiment_name", {"experiment_name": "mine"}),
    Variant("other_top_level_keys", {"market": "csi300", "port_analysis_config": "{a: 1}", "note": "[1]"}),
    Variant("task_extra_key", {"task.note": "mine"}),
    Variant("no_task", {"task": None}),
    Variant("no_qlib_init", {"qlib_init": None}),
    Variant("qlib_init_null", {"qlib_init": "null"}),
    Variant("no_model", {"task.model": None}),
    Variant("no_dataset", {"task.dataset": None}),
    Variant("template", replaced={"step_len: 5": "step_len: {{ STEPS }}"}, environment={"STEPS": "6"}),
    Variant("template_unset", replaced={"step_len: 5": "step_len: {{ NOT_SET_ANYWHERE }}"}),
    Variant(
        "template_default", replaced={"step_len: 5": "step_len: {{ NOT_SET_ANYWHERE | default(7, true) }}"}
    ),
    Variant(
        "template_if",
        replaced={"step_len: 5": "step_len: {% if STEPS == '6' %}6{% else %}5{% endif %}"},
        environment={"STEPS": "6"},
    ),
    Variant("template_broken", replaced={"step_len: 5": "step_len: {{ STEPS "}),
    Variant("base_file", {"task": None, "BASE_CONFIG_PATH": "base.yaml"}, files={"base.yaml": "@WORKFLOW@"}),
    Variant(
        "base_file_changed",
        {"BASE_CONFIG_PATH": "base.yaml", "task": "{dataset: {kwargs: {step_len: 7}}}"},
        files={"base.yaml": "@WORKFLOW@"},
    ),
    Variant(
        "base_file_dropped",
        {"BASE_CONFIG_PATH": "base.yaml", "task": "{dataset: {kwargs: {step_len: __DROP__}}}"},
        files={"base.yaml": "@WORKFLOW@"},
    ),
    Variant("base_file_missing", {"BASE_CONFIG_PATH": "nowhere.yaml"}),
    Variant("base_file_null", {"BASE_CONFIG_PATH": "null"}),
    Variant("not_yaml", replaced={"task:": "task: ["}),
    Variant("key_twice", replaced={"qlib_init:": "task: 1\nqlib_init:"}),
    Variant(
        "python_tag", {"handler.label": None}, replaced={"step_len: 5": "step_len: !!python/object:int 5"}
    ),
)
"""The file, its template and base file, the task's own keys."""

_QLIB_INIT = (
    Variant("uri_mapping", replaced={"provider_uri: ": "provider_uri:\n    day: "}),
    Variant("no_uri", {"qlib_init.provider_uri": None}),
    Variant("uri_missing_folder", {"qlib_init.provider_uri": "/nowhere/at/all"}),
    Variant("uri_number", {"qlib_init.provider_uri": "5"}),
    Variant("region_us", {"qlib_init.region": "us"}),
    Variant("region_tw", {"qlib_init.region": "tw"}),
    Variant("region_upper", {"qlib_init.region": "CN"}),
    Variant("region_unknown", {"qlib_init.region": "mars"}),
    Variant("no_region", {"qlib_init.region": None}),
    Variant("region_null", {"qlib_init.region": "null"}),
    Variant("kernels", {"qlib_init.kernels": "1"}),
    Variant(
        "redis",
        {"qlib_init.redis_host": "127.0.0.1", "qlib_init.redis_port": "6379", "qlib_init.redis_task_db": "1"},
    ),
    Variant("mem_cache", {"qlib_init.mem_cache_size_limit": "1000", "qlib_init.mem_cache_expire": "3600"}),
    Variant("logging_level", {"qlib_init.logging_level": "50"}),
    Variant("expression_cache", {"qlib_init.expression_cache": "null", "qlib_init.dataset_cache": "null"}),
    Variant("calendar_provider", {"qlib_init.calendar_provider": "LocalCalendarProvider"}),
    Variant("custom_ops", {"qlib_init.custom_ops": "[]"}),
    Variant("flask", {"qlib_init.flask_server": "127.0.0.1", "qlib_init.flask_port": "9710"}),
    Variant("joblib", {"qlib_init.joblib_backend": "threading", "qlib_init.maxtasksperchild": "null"}),
    Variant("min_data_shift", {"qlib_init.min_data_shift": "0"}),
    Variant("default_exp_name", {"qlib_init.default_exp_name": "mine"}),
    Variant("skip_if_reg", {"qlib_init.skip_if_reg": "false"}),
    Variant("qlib_init_unknown", {"qlib_init.nonsense": "1"}),
    Variant(
        "exp_manager",
        {
            "qlib_init.exp_manager": "{class: MLflowExpManager, module_path: qlib.workflow.expm, kwargs: {uri: mlruns, default_exp_name: mine}}"
        },
    ),
    Variant("default_disk_cache", {"qlib_init.default_disk_cache": "0"}),
    Variant("timeout", {"qlib_init.timeout": "100", "qlib_init.local_cache_path": "null"}),
)

_MODEL = (
    Variant("model_no_module", {"task.model.module_path": None}),
    Variant(
        "model_dotted",
        {"task.model.class": "qlib.contrib.model.pytorch_lstm_ts.LSTM", "task.model.module_path": None},
    ),
    Variant(
        "model_dotted_360",
        {"task.model.class": "qlib.contrib.model.pytorch_lstm.LSTM", "task.model.module_path": None},
        "alpha360",
    ),
    Variant("model_dotted_and_module", {"task.model.class": "qlib.contrib.model.pytorch_lstm_ts.LSTM"}),
    Variant(
        "model_dotted_and_other_module",
        {
            "task.model.class": "qlib.contrib.model.pytorch_lstm_ts.LSTM",
            "task.model.module_path": "qlib.contrib.model.pytorch_lstm",
        },
    ),
    Variant("model_no_kwargs", {"task.model.kwargs": None}, "alpha360", until="train"),
    Variant("model_kwargs_null", {"task.model.kwargs": "null"}, "alpha360", until="train"),
    Variant("model_kwargs_empty", {"task.model.kwargs": "{}"}, "alpha360", until="train"),
    Variant("model_extra_key", {"task.model.note": "mine"}),
    Variant("model_unknown_kwarg", {"model.nonsense": "1"}),
    Variant("model_n_jobs_360", {"model.n_jobs": "4"}, "alpha360"),
    Variant("model_class_key_func", {"task.model.class": None, "task.model.func": "LSTM"}),
    Variant(
        "model_other_class",
        {"task.model.class": "GRU", "task.model.module_path": "qlib.contrib.model.pytorch_gru_ts"},
    ),
    Variant("model_unknown_class", {"task.model.class": "LSTMM"}),
    Variant("model_text", {"task.model": "qlib.contrib.model.pytorch_lstm.LSTM"}, "alpha360", until="train"),
    Variant("lr_text", {"model.lr": "'1e-3'"}, until="train"),
    Variant("lr_float", {"model.lr": "0.001"}, until="train"),
    Variant("lr_dotless", {"model.lr": "1e-3"}, until="train"),
    Variant("lr_integer", {"model.lr": "1"}, until="train"),
    Variant("lr_zero", {"model.lr": "0"}, until="train"),
    Variant("lr_negative", {"model.lr": "-0.1"}, until="train"),
    Variant("hidden_text", {"model.hidden_size": "'4'"}, until="train"),
    Variant("hidden_float", {"model.hidden_size": "4.0"}, until="train"),
    Variant("hidden_zero", {"model.hidden_size": "0"}, until="train"),
    Variant("layers_float", {"model.num_layers": "1.0"}, until="train"),
    Variant("dropout_integer", {"model.dropout": "0"}, until="train"),
    Variant("dropout_one", {"model.dropout": "1.0", "model.num_layers": "2"}, until="train"),
    Variant("dropout_text", {"model.dropout": "'0.1'"}, until="train"),
    Variant("dropout_true", {"model.dropout": "true"}, until="train"),
    Variant("epochs_text", {"model.n_epochs": "'1'"}, until="train"),
    Variant("epochs_float", {"model.n_epochs": "1.0"}, until="train"),
    Variant("epochs_zero", {"model.n_epochs": "0"}, until="train"),
    Variant("batch_text", {"model.batch_size": "'100'"}, until="train"),
    Variant("batch_float", {"model.batch_size": "100.0"}, until="train"),
    Variant("batch_larger_than_train", {"model.batch_size": "100000"}, until="train"),
    Variant("batch_float_360", {"model.batch_size": "100.0"}, "alpha360", until="train"),
    Variant("early_stop_zero", {"model.early_stop": "0"}, until="train"),
    Variant("early_stop_text", {"model.early_stop": "'10'"}, until="train"),
    Variant("early_stop_float", {"model.early_stop": "10.0"}, until="train"),
    Variant("metric_empty", {"model.metric": "''"}, until="train"),
    Variant("metric_mse", {"model.metric": "mse"}, until="train"),
    Variant("metric_null", {"model.metric": "null"}, until="train"),
    Variant("loss_other", {"model.loss": "mae"}, until="train"),
    Variant("loss_upper", {"model.loss": "MSE"}, until="train"),
    Variant("loss_null", {"model.loss": "null"}, until="train"),
    Variant("optimizer_upper", {"model.optimizer": "Adam"}, until="train"),
    Variant("optimizer_gd", {"model.optimizer": "gd"}, until="train"),
    Variant("optimizer_gd_upper", {"model.optimizer": "GD"}, until="train"),
    Variant("optimizer_other", {"model.optimizer": "rmsprop"}, until="train"),
    Variant("optimizer_null", {"model.optimizer": "null"}, until="train"),
    Variant("n_jobs_negative", {"model.n_jobs": "-1"}, until="train"),
    Variant("n_jobs_null", {"model.n_jobs": "null"}, until="train"),
    Variant("gpu_text", {"model.GPU": "'0'"}, until="train"),
    Variant("gpu_null", {"model.GPU": "null"}, until="train"),
    Variant("gpu_float", {"model.GPU": "0.0"}, until="train"),
    Variant("seed", {"model.seed": "3"}, until="train"),
    Variant("seed_null", {"model.seed": "null"}, until="train"),
    Variant("seed_float", {"model.seed": "3.0"}, until="train"),
    Variant("seed_text", {"model.seed": "'3'"}, until="train"),
    Variant("seed_negative", {"model.seed": "-1"}, until="train"),
    Variant("d_feat_too_small", {"model.d_feat": "6"}, until="train"),
    Variant("d_feat_text", {"model.d_feat": "'20'"}, until="train"),
    Variant("d_feat_360_of_one_day", {"model.d_feat": "360"}, "alpha360", until="train"),
    Variant("d_feat_360_wrong", {"model.d_feat": "7"}, "alpha360", until="train"),
)

_DATASET = (
    Variant("dataset_no_module", {"task.dataset.module_path": None}),
    Variant(
        "dataset_dotted",
        {"task.dataset.class": "qlib.data.dataset.TSDatasetH", "task.dataset.module_path": None},
    ),
    Variant(
        "dataset_dotted_360",
        {"task.dataset.class": "qlib.data.dataset.DatasetH", "task.dataset.module_path": None},
        "alpha360",
    ),
    Variant(
        "dataset_of_other_kind", {"task.dataset.class": "DatasetH", "dataset.step_len": None}, until="train"
    ),
    Variant("dataset_extra_key", {"task.dataset.note": "mine"}),
    Variant("dataset_unknown_kwarg", {"dataset.nonsense": "1"}),
    Variant("dataset_no_kwargs", {"task.dataset.kwargs": None}),
    Variant("step_len_missing", {"dataset.step_len": None}),
    Variant("step_len_null", {"dataset.step_len": "null"}),
    Variant("step_len_text", {"dataset.step_len": "'5'"}),
    Variant("step_len_float", {"dataset.step_len": "5.0"}),
    Variant("step_len_zero", {"dataset.step_len": "0"}),
    Variant("step_len_one", {"dataset.step_len": "1"}),
    Variant("step_len_360", {"dataset.step_len": "20"}, "alpha360"),
    Variant("flt_col_null", {"dataset.flt_col": "null"}),
    Variant("flt_col", {"dataset.flt_col": "label"}),
    Variant("fetch_kwargs_empty", {"dataset.fetch_kwargs": "{}"}),
    Variant("fetch_kwargs", {"dataset.fetch_kwargs": "{squeeze: false}"}, "alpha360"),
    Variant("fetch_kwargs_null", {"dataset.fetch_kwargs": "null"}),
    Variant("handler_kwargs", {"dataset.handler_kwargs": "{}"}),
    Variant("no_segments", {"dataset.segments": None}),
    Variant("segment_missing", {"dataset.segments.valid": None}),
    Variant("segment_more", {"dataset.segments.insample": "[2019-10-08, 2020-01-01]"}),
    Variant("segment_more_open", {"dataset.segments.all": "[null, null]"}),
    Variant("segment_text_days", {"dataset.segments.test": "['2020-07-01', '2020-09-25']"}),
    Variant("segment_compact_text", {"dataset.segments.test": "['20200701', '20200925']"}),
    Variant("segment_compact_number", {"dataset.segments.test": "[20200701, 20200925]"}),
    Variant("segment_compact_number_360", {"dataset.segments.test": "[20200701, 20200925]"}, "alpha360"),
    Variant("segment_slashes", {"dataset.segments.test": "['2020/07/01', '2020/09/25']"}),
    Variant("segment_short_days", {"dataset.segments.test": "['2020-7-1', '2020-9-25']"}),
    Variant("segment_timestamps", {"dataset.segments.test": "[2020-07-01 00:00:00, 2020-09-25 00:00:00]"}),
    Variant(
        "segment_time_of_day", {"dataset.segments.test": "['2020-07-01 09:30:00', '2020-09-25 15:00:00']"}
    ),
    Variant(
        "segment_time_of_day_360",
        {"dataset.segments.test": "['2020-07-01 09:30:00', '2020-09-25 15:00:00']"},
        "alpha360",
    ),
    Variant("segment_written_month", {"dataset.segments.test": "['1 July 2020', 'Sep 25, 2020']"}),
    Variant("segment_months", {"dataset.segments.test": "['2020-07', '2020-09']"}),
    Variant("segment_months_360", {"dataset.segments.test": "['2020-07', '2020-09']"}, "alpha360"),
    Variant("segment_one_text", {"dataset.segments.test": "'2020-07'"}),
    Variant("segment_one_text_360", {"dataset.segments.test": "'2020-07'"}, "alpha360"),
    Variant("segment_one_day_360", {"dataset.segments.test": "'2020-07-01'"}, "alpha360"),
    Variant("segment_open_end", {"dataset.segments.test": "[2020-07-01, null]"}),
    Variant("segment_open_end_360", {"dataset.segments.test": "[2020-07-01, null]"}, "alpha360"),
    Variant("segment_open_start", {"dataset.segments.train": "[null, 2020-03-31]"}),
    Variant("segment_open_start_360", {"dataset.segments.train": "[null, 2020-03-31]"}, "alpha360"),
    Variant("segment_open_both", {"dataset.segments.train": "[null, null]"}),
    Variant(
        "segment_open_both_ends",
        {"dataset.segments.train": "[null, 2020-03-31]", "dataset.segments.test": "[2020-07-01, null]"},
    ),
    Variant("segment_word_none", {"dataset.segments.test": "[2020-07-01, None]"}),
    Variant("segment_empty_text", {"dataset.segments.test": "[2020-07-01, '']"}),
    Variant("segment_null", {"dataset.segments.test": "null"}),
    Variant("segment_empty", {"dataset.segments.test": "[]"}),
    Variant("segment_one_end", {"dataset.segments.train": "[2020-03-31]"}),
    Variant("segment_one_end_360", {"dataset.segments.train": "[2020-03-31]"}, "alpha360"),
    Variant("segment_of_three", {"dataset.segments.test": "[2020-07-01, 2020-09-25, null]"}),
    Variant("segment_of_three_step", {"dataset.segments.test": "[2020-07-01, 2020-09-25, 2]"}, "alpha360"),
    Variant("segment_of_four", {"dataset.segments.test": "[2020-07-01, 2020-09-25, null, null]"}),
    Variant("segment_mapping", {"dataset.segments.test": "{start: 2020-07-01, end: 2020-09-25}"}),
    Variant("segment_reversed", {"dataset.segments.test": "[2020-09-25, 2020-07-01]"}),
    Variant("segments_overlap", {"dataset.segments.valid": "[2020-03-01, 2020-06-30]"}),
    Variant(
        "segments_out_of_order",
        {
            "dataset.segments.train": "[2020-04-01, 2020-06-30]",
            "dataset.segments.valid": "[2019-10-08, 2020-03-31]",
        },
    ),
    Variant("segment_outside", {"dataset.segments.test": "[2021-07-01, 2021-09-25]"}),
    Variant("segment_partly_outside", {"dataset.segments.test": "[2020-07-01, 2021-09-25]"}),
    Variant("segment_wrong_day", {"dataset.segments.test": "['2020-07-41', '2020-09-25']"}),
    Variant("segment_words", {"dataset.segments.test": "[july, september]"}),
    Variant("segment_mixed", {"dataset.segments.test": "[2020-07-01, '2020-09-25']"}),
)

_ROBUST = "{class: RobustZScoreNorm, kwargs: {fields_group: feature}}"
_OWN = "[['$close/$open', 'Mean($close, 5)/$close'], [A, B]]"
_LABEL = "Ref($close, -2)/Ref($close, -1) - 1"
_LOADER = (
    f"{{class: QlibDataLoader, kwargs: {{config: {{feature: {_OWN}, label: [['{_LABEL}'], [LABEL0]]}}}}}}"
)


def _loader(name: str, changes: dict[str, str | None], **more: Any) -> Variant:
    """Vary a file with the handler ``DataHandlerLP`` and two custom columns."""
    handler = {
        "task.dataset.kwargs.handler": "{class: DataHandlerLP, module_path: qlib.data.dataset.handler}",
        "handler.instruments": "csi300",
        "handler.start_time": "2019-10-08",
        "handler.end_time": "2020-09-25",
        "handler.learn_processors": "[DropnaLabel, {class: CSRankNorm, kwargs: {fields_group: label}}]",
        "handler.data_loader": _LOADER,
        "model.d_feat": "2",
    }
    return Variant(name, handler | changes, **more)


_KEEP = "{class: FilterCol, kwargs: {col_list: [ROC60, STD5]}}"


def _infer(name: str, processors: str, d_feat: int = 2, **more: Any) -> Variant:
    """Vary the infer processors, after one that leaves two columns."""
    return Variant(
        name,
        {"handler.infer_processors": processors.replace("[", f"[{_KEEP}, ", 1), "model.d_feat": str(d_feat)},
        **more,
    )


def _filters(name: str, filters: str, **more: Any) -> Variant:
    """Vary the filters of the universe."""
    return Variant(name, {"handler.filter_pipe": filters}, **more)


_HANDLER = (
    Variant("handler_no_module", {"task.dataset.kwargs.handler.module_path": None}),
    Variant(
        "handler_dotted",
        {
            "task.dataset.kwargs.handler.class": "qlib.contrib.data.handler.Alpha158",
            "task.dataset.kwargs.handler.module_path": None,
        },
    ),
    Variant("handler_no_kwargs", {"task.dataset.kwargs.handler.kwargs": None}),
    Variant("handler_extra_key", {"task.dataset.kwargs.handler.note": "mine"}),
    Variant("handler_other_class", {"task.dataset.kwargs.handler.class": "Alpha101"}),
    Variant("handler_vwap", {"task.dataset.kwargs.handler.class": "Alpha158vwap"}),
    Variant("handler_unknown_kwarg", {"handler.nonsense": "1"}),
    Variant("handler_text", {"dataset.handler": "qlib.contrib.data.handler.Alpha158"}),
    Variant("market_all", {"handler.instruments": "all"}),
    Variant("market_upper", {"handler.instruments": "CSI300"}),
    Variant("market_unknown", {"handler.instruments": "csi301"}),
    Variant("market_missing", {"handler.instruments": None}),
    Variant("market_null", {"handler.instruments": "null"}),
    Variant("market_number", {"handler.instruments": "300"}),
    Variant("instruments_list", {"handler.instruments": "[SH600000, SH600001, SZ000001]"}),
    Variant("instruments_lower", {"handler.instruments": "[sh600000, sh600001, sz000001]"}),
    Variant("instruments_twice", {"handler.instruments": "[SH600000, SH600001, SH600000]"}),
    Variant("instruments_empty", {"handler.instruments": "[]"}),
    Variant("instruments_unknown", {"handler.instruments": "[SH600000, SH600001, SH999999]"}),
    Variant("instruments_number", {"handler.instruments": "[SH600000, 600001]"}),
    Variant("instruments_market", {"handler.instruments": "{market: csi300, filter_pipe: []}"}),
    Variant("instruments_market_alone", {"handler.instruments": "{market: csi300}"}),
    Variant("instruments_market_null", {"handler.instruments": "{market: csi300, filter_pipe: null}"}),
    Variant(
        "instruments_market_extra", {"handler.instruments": "{market: csi300, filter_pipe: [], note: 1}"}
    ),
    Variant(
        "instruments_market_filter",
        {
            "handler.instruments": "{market: csi300, filter_pipe: [{filter_type: NameDFilter, name_rule_re: SH, "
            "filter_start_time: null, filter_end_time: null}]}"
        },
    ),
    Variant(
        "instruments_market_and_pipe",
        {
            "handler.instruments": "{market: csi300, filter_pipe: []}",
            "handler.filter_pipe": "[{filter_type: NameDFilter, name_rule_re: SH, filter_start_time: null, "
            "filter_end_time: null}]",
        },
    ),
    Variant(
        "instruments_list_and_pipe",
        {
            "handler.instruments": "[SH600000, SZ000001]",
            "handler.filter_pipe": "[{filter_type: NameDFilter, name_rule_re: SH, filter_start_time: null, "
            "filter_end_time: null}]",
        },
    ),
    Variant(
        "instruments_spans",
        {
            "handler.instruments": "{SH600000: [[2019-10-08, 2020-09-25]], SH600001: [[2020-01-06, 2020-08-03]]}"
        },
    ),
    Variant(
        "instruments_span_texts",
        {
            "handler.instruments": "{SH600000: [['2019-10-08', '2020-09-25']], SH600001: [['2020-01-06', '2020-08-03']]}"
        },
    ),
    Variant(
        "instruments_spans_empty",
        {
            "handler.instruments": "{SH600000: [], SH600001: [['2020-01-06', '2020-08-03']]}",
            "model.batch_size": "20",
        },
    ),
    Variant("instruments_mapping_other", {"handler.instruments": "{name: csi300}"}),
    Variant("handler_start_text", {"handler.start_time": "'2019-10-08'"}),
    Variant("handler_start_compact", {"handler.start_time": "'20191008'"}),
    Variant("handler_start_number", {"handler.start_time": "20191108"}),
    Variant("handler_start_year", {"handler.start_time": "'2020'"}),
    Variant("handler_start_null", {"handler.start_time": "null"}),
    Variant("handler_start_missing", {"handler.start_time": None}),
    Variant("handler_start_timestamp", {"handler.start_time": "2019-10-08 00:00:00"}),
    Variant("handler_start_zoned", {"handler.start_time": "2019-10-08T00:00:00Z"}),
    Variant("handler_start_time_of_day", {"handler.start_time": "'2019-10-08 09:30:00'"}),
    Variant("handler_end_null", {"handler.end_time": "null"}),
    Variant("handler_end_time_of_day", {"handler.end_time": "'2020-09-25 15:00:00'"}),
    Variant("handler_end_late", {"handler.end_time": "2030-01-01"}),
    Variant("handler_start_early", {"handler.start_time": "2000-01-01"}),
    Variant("handler_reversed", {"handler.start_time": "2020-09-25", "handler.end_time": "2019-10-08"}),
    Variant("handler_start_slashes", {"handler.start_time": "'2019/10/08'"}),
    Variant("handler_end_short", {"handler.end_time": "'2020-9-5'"}),
    Variant("handler_start_wrong", {"handler.start_time": "soon"}),
    Variant("fit_missing", {"handler.fit_start_time": None, "handler.fit_end_time": None}),
    Variant("fit_null", {"handler.fit_start_time": "null"}),
    Variant("fit_text", {"handler.fit_start_time": "'2019-10-08'", "handler.fit_end_time": "'2020-03-31'"}),
    Variant("fit_compact", {"handler.fit_start_time": "'20191008'", "handler.fit_end_time": "'20200331'"}),
    Variant("fit_number", {"handler.fit_start_time": "20191008", "handler.fit_end_time": "20200331"}),
    Variant("fit_month", {"handler.fit_end_time": "'2020-03'"}),
    Variant("fit_time_of_day", {"handler.fit_end_time": "'2020-03-31 15:00:00'"}),
    Variant("fit_outside", {"handler.fit_start_time": "2018-01-01", "handler.fit_end_time": "2018-12-31"}),
    Variant("fit_reversed", {"handler.fit_start_time": "2020-03-31", "handler.fit_end_time": "2019-10-08"}),
    Variant(
        "fit_missing_unneeded",
        {
            "handler.fit_start_time": None,
            "handler.fit_end_time": None,
            "handler.infer_processors.1": "{class: CSZScoreNorm, kwargs: {fields_group: feature}}",
        },
    ),
    Variant("freq_day", {"handler.freq": "day"}),
    Variant("freq_null", {"handler.freq": "null"}),
    Variant("freq_1min", {"handler.freq": "1min"}),
    Variant("freq_1day", {"handler.freq": "1day"}),
    Variant("freq_d", {"handler.freq": "D"}),
    Variant("freq_upper", {"handler.freq": "Day"}),
    Variant("freq_by_group", {"handler.freq": "{feature: day, label: day}"}),
    Variant(
        "process_type_independent",
        {"handler.process_type": "independent", "handler.infer_processors": "[]", "model.d_feat": "158"},
    ),
    Variant("process_type_append_360", {"handler.process_type": "append"}, "alpha360"),
    Variant("process_type_unknown", {"handler.process_type": "other"}),
    Variant("process_type_null", {"handler.process_type": "null"}),
    Variant("drop_raw", {"handler.drop_raw": "true"}),
    Variant("drop_raw_360", {"handler.drop_raw": "true"}, "alpha360"),
    Variant("fetch_orig", {"handler.fetch_orig": "true"}),
    Variant("init_data", {"handler.init_data": "true"}),
    Variant("init_data_false", {"handler.init_data": "false"}),
    Variant("label_missing", {"handler.label": None}),
    Variant("label_null", {"handler.label": "null"}),
    Variant("label_text", {"handler.label": f"'{_LABEL}'"}),
    Variant("label_empty", {"handler.label": "[]"}),
    Variant("label_named", {"handler.label": f"[['{_LABEL}'], [LABEL0]]"}),
    Variant("label_names_too_few", {"handler.label": f"[['{_LABEL}', '$close'], [LABEL0]]"}),
    Variant(
        "label_two",
        {"handler.label": f"[['{_LABEL}', 'Ref($close, -6)/Ref($close, -1) - 1'], [LABEL0, LABEL5]]"},
    ),
    Variant("label_wrong", {"handler.label": "['Ref($close, -2']"}),
    Variant("label_unknown_operator", {"handler.label": "['Reff($close, -2)']"}),
    Variant("label_number", {"handler.label": "[1]"}),
    Variant("label_field_alone", {"handler.label": "['$close']"}),
)

_PROCESSORS = (
    Variant("infer_empty", {"handler.infer_processors": "[]", "model.d_feat": "158"}),
    Variant("infer_key_missing", {"handler.infer_processors": None, "model.d_feat": "158"}),
    Variant("infer_null", {"handler.infer_processors": "null"}),
    _infer("infer_a_mapping", _ROBUST),
    _infer("infer_texts", "[TanhProcess, Fillna]"),
    _infer("infer_kwargs_missing", "[{class: TanhProcess}, {class: Fillna}]"),
    _infer("infer_kwargs_null", "[{class: Fillna, kwargs: null}]"),
    _infer("infer_module", f"[{_ROBUST[:-1]}, module_path: qlib.data.dataset.processor}}]"),
    _infer("infer_module_null", "[{class: Fillna, module_path: null}]"),
    _infer("infer_dotted", "[{class: qlib.data.dataset.processor.Fillna}]"),
    _infer("infer_dotted_text", "[qlib.data.dataset.processor.Fillna]"),
    _infer("infer_extra_key", "[{class: Fillna, note: mine}]"),
    _infer("infer_unknown", "[{class: Fillnaa}]"),
    _infer("infer_unknown_kwarg", "[{class: Fillna, kwargs: {value: 0}}]"),
    _infer("infer_dropna_label", "[DropnaLabel]"),
    _infer("infer_dropna", "[{class: DropnaProcessor, kwargs: {fields_group: feature}}]"),
    _infer("infer_hash", "[HashStockFormat]"),
    _infer("infer_fill_value", "[{class: Fillna, kwargs: {fields_group: feature, fill_value: 1}}]"),
    _infer("infer_fill_text", "[{class: Fillna, kwargs: {fields_group: feature, fill_value: '1'}}]"),
    _infer(
        "infer_clip_zero", "[{class: RobustZScoreNorm, kwargs: {fields_group: feature, clip_outlier: 0}}]"
    ),
    _infer(
        "infer_clip_text", "[{class: RobustZScoreNorm, kwargs: {fields_group: feature, clip_outlier: 'no'}}]"
    ),
    _infer("infer_group_list", "[{class: RobustZScoreNorm, kwargs: {fields_group: [feature]}}]"),
    _infer("infer_group_null", "[{class: RobustZScoreNorm, kwargs: {fields_group: null}}]"),
    _infer("infer_group_unknown", "[{class: RobustZScoreNorm, kwargs: {fields_group: features}}]"),
    _infer("infer_cs_group_list", "[{class: CSZScoreNorm, kwargs: {fields_group: [feature, label]}}]"),
    _infer("infer_cs_method", "[{class: CSZScoreNorm, kwargs: {fields_group: feature, method: robust}}]"),
    _infer(
        "infer_cs_method_unknown", "[{class: CSZScoreNorm, kwargs: {fields_group: feature, method: other}}]"
    ),
    _infer("infer_filter_one", "[{class: FilterCol, kwargs: {col_list: [ROC60]}}]", 1),
    _infer("infer_filter_text", "[{class: FilterCol, kwargs: {col_list: ROC60}}]", 1),
    _infer("infer_filter_unknown", "[{class: FilterCol, kwargs: {col_list: [ROC60, ROC61]}}]", 1),
    _infer("infer_filter_none", "[{class: FilterCol, kwargs: {col_list: []}}]"),
    _infer("infer_drop", "[{class: DropCol, kwargs: {col_list: [VWAP0, ROC60]}}]", 1),
    _infer("infer_drop_label", "[{class: DropCol, kwargs: {col_list: [LABEL0]}}]"),
    _infer(
        "infer_own_fit_dates",
        "[{class: ZScoreNorm, kwargs: {fit_start_time: 2020-01-01, fit_end_time: 2020-02-01}}]",
    ),
    Variant("learn_empty", {"handler.learn_processors": "[]"}),
    Variant("learn_missing", {"handler.learn_processors": None}),
    Variant("learn_null", {"handler.learn_processors": "null"}),
    Variant("learn_texts", {"handler.learn_processors": "[DropnaLabel, CSRankNorm]"}),
    Variant(
        "learn_dropna_group",
        {"handler.learn_processors": "[{class: DropnaLabel, kwargs: {fields_group: feature}}]"},
    ),
    Variant("shared", {"handler.shared_processors": "[Fillna]"}),
    Variant("shared_null", {"handler.shared_processors": "null"}),
    Variant(
        "shared_fitted",
        {
            "handler.shared_processors": "[{class: ZScoreNorm, kwargs: {fit_start_time: 2019-10-08, fit_end_time: 2020-03-31}}]"
        },
    ),
    Variant("shared_fitted_no_dates", {"handler.shared_processors": "[{class: ZScoreNorm}]"}),
    Variant(
        "shared_fit_null",
        {
            "handler.shared_processors": "[{class: ZScoreNorm, kwargs: {fit_start_time: null, fit_end_time: null}}]"
        },
    ),
)

_NAMED = "filter_type: NameDFilter, name_rule_re: 'SH6.*'"
_EXPRESSED = "filter_type: ExpressionDFilter, rule_expression: '$close > Mean($close, 5)'"
_OPEN = "filter_start_time: null, filter_end_time: null"

_UNIVERSE = (
    _filters("filter_empty", "[]"),
    _filters("filter_null", "null"),
    _filters("filter_mapping", f"{{{_NAMED}, {_OPEN}}}"),
    _filters("filter_name", f"[{{{_NAMED}, {_OPEN}}}]"),
    _filters("filter_name_no_dates", f"[{{{_NAMED}}}]"),
    _filters("filter_name_extra", f"[{{{_NAMED}, {_OPEN}, note: 1}}]"),
    _filters("filter_name_keep", f"[{{{_NAMED}, {_OPEN}, keep: true}}]"),
    _filters("filter_name_nobody", "[{filter_type: NameDFilter, name_rule_re: XX, " + _OPEN + "}]"),
    _filters("filter_name_wrong", "[{filter_type: NameDFilter, name_rule_re: '(', " + _OPEN + "}]"),
    _filters(
        "filter_name_dates", f"[{{{_NAMED}, filter_start_time: 2020-01-01, filter_end_time: 2020-05-01}}]"
    ),
    _filters(
        "filter_name_date_texts",
        f"[{{{_NAMED}, filter_start_time: '2020-01-01', filter_end_time: '20200501'}}]",
    ),
    _filters("filter_name_outside", f"[{{{_NAMED}, filter_start_time: 2030-01-01, filter_end_time: null}}]"),
    _filters("filter_name_before", f"[{{{_NAMED}, filter_start_time: null, filter_end_time: 2000-01-01}}]"),
    _filters(
        "filter_name_early", f"[{{{_NAMED}, filter_start_time: 2000-01-01, filter_end_time: 2040-01-01}}]"
    ),
    _filters("filter_expression", f"[{{{_EXPRESSED}, {_OPEN}, keep: false}}]"),
    _filters("filter_expression_keep", f"[{{{_EXPRESSED}, {_OPEN}, keep: true}}]"),
    _filters("filter_expression_no_keep", f"[{{{_EXPRESSED}, {_OPEN}}}]"),
    _filters(
        "filter_expression_dates",
        f"[{{{_EXPRESSED}, filter_start_time: 2020-01-01, filter_end_time: 2020-05-01, keep: false}}]",
    ),
    _filters(
        "filter_expression_value",
        "[{filter_type: ExpressionDFilter, rule_expression: '$close - Mean($close, 20)', "
        + _OPEN
        + ", keep: false}]",
    ),
    _filters(
        "filter_expression_missing_field",
        "[{filter_type: ExpressionDFilter, rule_expression: '$nothing > 1', " + _OPEN + ", keep: false}]",
    ),
    _filters(
        "filter_expression_wrong",
        "[{filter_type: ExpressionDFilter, rule_expression: '$close >', " + _OPEN + ", keep: false}]",
    ),
    _filters(
        "filter_expression_ahead",
        "[{filter_type: ExpressionDFilter, rule_expression: 'Ref($close, -1) > $close', "
        + _OPEN
        + ", keep: false}]",
    ),
    _filters("filter_two", f"[{{{_NAMED}, {_OPEN}}}, {{{_EXPRESSED}, {_OPEN}, keep: false}}]"),
    _filters("filter_two_turned", f"[{{{_EXPRESSED}, {_OPEN}, keep: false}}, {{{_NAMED}, {_OPEN}}}]"),
    _filters("filter_unknown", "[{filter_type: MarketDFilter, " + _OPEN + "}]"),
    _filters("filter_no_type", "[{name_rule_re: SH}]"),
    _filters("filter_text", "[NameDFilter]"),
    _filters("filter_class", "[{class: NameDFilter, kwargs: {name_rule_re: SH}}]"),
    Variant("filter_360", {"handler.filter_pipe": f"[{{{_EXPRESSED}, {_OPEN}, keep: false}}]"}, "alpha360"),
    Variant("inst_empty", {"handler.inst_processors": "[]"}),
    Variant("inst_empty_mapping", {"handler.inst_processors": "{}"}),
    Variant("inst_null", {"handler.inst_processors": "null"}),
    Variant("inst_null_entry", {"handler.inst_processors": "[null]"}),
    Variant("inst_text", {"handler.inst_processors": "TimeRangeFlt"}),
    Variant("inst_name_alone", {"handler.inst_processors": "[TimeRangeFlt]"}),
    Variant("inst_dotted", {"handler.inst_processors": "[qlib.data.dataset.processor.TimeRangeFlt]"}),
    Variant(
        "inst_time_range",
        {
            "handler.inst_processors": "[{class: TimeRangeFlt, module_path: qlib.data.dataset.processor, "
            "kwargs: {start_time: 2020-01-01, end_time: 2020-09-01}}]"
        },
    ),
    Variant(
        "inst_time_range_open",
        {
            "handler.inst_processors": "[{class: TimeRangeFlt, module_path: qlib.data.dataset.processor, "
            "kwargs: {start_time: '2019-10-08'}}]"
        },
    ),
    Variant(
        "inst_time_range_by_group",
        {
            "handler.inst_processors": "{feature: [{class: qlib.data.dataset.processor.TimeRangeFlt, "
            "kwargs: {end_time: '2020-09-25'}}]}"
        },
    ),
    Variant(
        "inst_time_range_outside",
        {
            "handler.inst_processors": "[{class: qlib.data.dataset.processor.TimeRangeFlt, "
            "kwargs: {end_time: '2030-09-25'}}]"
        },
    ),
    Variant(
        "inst_time_range_360",
        {
            "handler.inst_processors": "[{class: qlib.data.dataset.processor.TimeRangeFlt, "
            "kwargs: {start_time: '2019-10-08', end_time: '2020-09-25'}}]"
        },
        "alpha360",
    ),
    Variant(
        "inst_no_module",
        {"handler.inst_processors": "[{class: TimeRangeFlt, kwargs: {start_time: 2020-01-01}}]"},
    ),
)

_LOADERS = (
    _loader("loader", {}),
    _loader("loader_dotted", {"handler.data_loader.class": "qlib.data.dataset.loader.QlibDataLoader"}),
    _loader("loader_module", {"handler.data_loader.module_path": "qlib.data.dataset.loader"}),
    _loader(
        "loader_158",
        {
            "handler.data_loader": f"{{class: Alpha158DL, module_path: qlib.contrib.data.loader, kwargs: {{config: {{label: ['{_LABEL}']}}}}}}",
            "model.d_feat": "158",
        },
    ),
    _loader(
        "loader_158_dotted",
        {
            "handler.data_loader": f"{{class: qlib.contrib.data.loader.Alpha158DL, kwargs: {{config: {{label: ['{_LABEL}']}}}}}}",
            "model.d_feat": "158",
        },
    ),
    _loader(
        "loader_158_no_module",
        {
            "handler.data_loader": f"{{class: Alpha158DL, kwargs: {{config: {{label: ['{_LABEL}']}}}}}}",
            "model.d_feat": "158",
        },
    ),
    _loader("loader_missing", {"handler.data_loader": None}),
    _loader("loader_null", {"handler.data_loader": "null"}),
    _loader("loader_no_label", {"handler.data_loader.kwargs.config.label": None}),
    _loader("loader_no_feature", {"handler.data_loader.kwargs.config.feature": None}),
    _loader("loader_list", {"handler.data_loader.kwargs.config": _OWN}),
    _loader("loader_other_group", {"handler.data_loader.kwargs.config.extra": "['$open']"}),
    _loader("loader_filter", {"handler.data_loader.kwargs.filter_pipe": f"[{{{_NAMED}, {_OPEN}}}]"}),
    _loader("loader_filter_empty", {"handler.data_loader.kwargs.filter_pipe": "[]"}),
    _loader(
        "loader_inst",
        {
            "handler.data_loader.kwargs.inst_processors": "[{class: qlib.data.dataset.processor.TimeRangeFlt, kwargs: {start_time: '2020-01-01'}}]"
        },
    ),
    _loader("loader_swap_false", {"handler.data_loader.kwargs.swap_level": "false"}),
    _loader("loader_freq", {"handler.data_loader.kwargs.freq": "day"}),
    _loader("loader_freq_by_group", {"handler.data_loader.kwargs.freq": "{feature: day, label: day}"}),
    _loader("loader_unknown_kwarg", {"handler.data_loader.kwargs.nonsense": "1"}),
    _loader(
        "loader_static", {"handler.data_loader": "{class: StaticDataLoader, kwargs: {config: table.pkl}}"}
    ),
    _loader("loader_columns_twice", {"handler.data_loader.kwargs.config.feature": "['$close', '$close']"}),
    _loader("loader_columns_mapping", {"handler.data_loader.kwargs.config.feature": "{A: '$close'}"}),
    _loader("loader_columns_empty", {"handler.data_loader.kwargs.config.feature": "[]"}),
    _loader("loader_pit", {"handler.data_loader.kwargs.config.feature": "['P($$roewa_q)', '$close']"}),
    _loader(
        "loader_names_numbers",
        {"handler.data_loader.kwargs.config.feature": "[['$close/$open', '$high/$open'], [1, 2]]"},
    ),
    _loader(
        "loader_filter_col",
        {"handler.infer_processors": "[{class: FilterCol, kwargs: {col_list: [A]}}]", "model.d_feat": "1"},
    ),
    _loader(
        "loader_fitted",
        {
            "handler.infer_processors": "[{class: ZScoreNorm, kwargs: {fit_start_time: 2019-10-08, fit_end_time: 2020-03-31, fields_group: feature}}]"
        },
    ),
    _loader("loader_fit_dates", {"handler.fit_start_time": "2019-10-08"}),
)

_DIFFERENCES: Mapping[str, Mapping[str, str]] = {
    "Other models": {"model_other_class": "got 'GRU'"},
    "Values that train nothing": {
        "lr_zero": "lr: got 0",
        "dropout_one": "dropout: got 1.0",
        "gpu_null": "GPU: got null",
    },
    "`step_len` of `DatasetH`": {"step_len_360": ""},
    "`flt_col`, `fetch_kwargs`": {
        "flt_col": "flt_col is not supported",
        "fetch_kwargs": "fetch_kwargs is not supported",
    },
    "Days that are no days": {
        "segment_written_month": "got '1 July 2020', expected a day",
        "segment_months": "got '2020-07', expected a day",
        "segment_months_360": "got '2020-07', expected a day",
        "segment_one_text_360": "got '2020-07', expected a first and a last day",
        "segment_one_day_360": "got '2020-07-01', expected a first and a last day",
        "handler_start_year": "got '2020', expected a day",
        "fit_month": "got '2020-03', expected a day",
    },
    "Numbers as days": {"handler_start_number": "which Qlib reads as nanoseconds after 1970"},
    "Segments that overlap, or in another order": {
        "segment_open_both": "must begin after the end of 'train'",
        "segments_overlap": "must begin after the end of 'train'",
        "segments_out_of_order": "must begin after the end of 'train'",
    },
    "Segments without a day, or with some left out": {
        "segment_outside": "holds no trading day",
        "segment_of_three_step": "a segment cannot skip days",
    },
    "Fit periods without a row, or without an end": {
        "fit_outside": "no row lies in 2018-01-01..2018-12-31",
        "fit_reversed": "is after fit_end_time",
        "shared_fit_null": "needs fit_start_time and fit_end_time",
    },
    "Codes in small letters": {"instruments_lower": ""},
    "Several labels": {"label_two": ""},
    "Texts for true and false": {"infer_clip_text": "got the text 'no', which Qlib treats as true"},
    "Instrument processors by group": {"inst_time_range_by_group": "rows cannot differ between groups"},
    "Other groups and names of columns": {
        "loader_other_group": "unknown key 'extra'",
        "loader_columns_twice": "columns are named twice",
        "loader_names_numbers": "all of them texts",
    },
    "Point-in-time data": {"loader_pit": "operator 'P' is refused"},
    "What `qrun` refuses": dict.fromkeys(
        (
            *(
                "record_kwargs_null",
                "template_unset",
                "dataset_no_module",
                "label_null",
                "infer_kwargs_null",
                "fetch_kwargs_null",
            ),
            *("lr_text", "hidden_text", "hidden_float", "layers_float", "dropout_text", "epochs_text"),
            *("epochs_float", "batch_text", "batch_float", "batch_float_360", "n_jobs_negative"),
            *("seed_float", "seed_text", "d_feat_text", "step_len_null", "step_len_text", "step_len_float"),
            *("instruments_market_alone", "instruments_market_null", "instruments_spans"),
            *("filter_name_no_dates", "filter_expression_no_keep", "inst_name_alone", "inst_no_module"),
        ),
        "",
    ),
}
"""Difference, as docs/qlib.md calls it -> variants that show it, with a part of the message of those refused here."""


def _with_differences(variants: Iterable[Variant]) -> Iterator[Variant]:
    found = {name: (what, says) for what, shown in _DIFFERENCES.items() for name, says in shown.items()}
    for variant in variants:
        what, says = found.get(variant.name, ("", ""))
        yield replace(variant, differs=what, says=says)


DATA = tuple(
    _with_differences(
        (*_READING, *_QLIB_INIT, *_MODEL, *_DATASET, *_HANDLER, *_PROCESSORS, *_UNIVERSE, *_LOADERS)
    )
)
