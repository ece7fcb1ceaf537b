"""The ``qlib_init`` section: where the data is, and which market's trading rules apply."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from lstm_bench.config.lenient import Lenient
from lstm_bench.config.sections.exchange import Region

__all__ = ["QlibInit"]

_IGNORED = Field(None, description="ignored: it changes no number")


class QlibInit(Lenient):
    """``qlib_init``: where the data is and which market's trading rules apply. The other keys configure Qlib itself."""

    provider_uri: str = Field(
        "~/.qlib/qlib_data/cn_data", description="a Qlib data folder, or a mapping with the key day"
    )
    region: Region = Field("cn", description="region whose round lots and price limits apply")
    exp_manager: Any = _IGNORED
    kernels: Any = _IGNORED
    expression_cache: Any = _IGNORED
    dataset_cache: Any = _IGNORED
    calendar_cache: Any = _IGNORED
    local_cache_path: Any = _IGNORED
    maxtasksperchild: Any = _IGNORED
    joblib_backend: Any = _IGNORED
    logging_level: Any = _IGNORED
    logging_config: Any = _IGNORED
    redis_host: Any = _IGNORED
    redis_port: Any = _IGNORED
    redis_task_db: Any = _IGNORED
    mongo: Any = _IGNORED
    auto_mount: Any = _IGNORED
    mount_path: Any = _IGNORED
    calendar_provider: Any = _IGNORED
    instrument_provider: Any = _IGNORED
    feature_provider: Any = _IGNORED
    pit_provider: Any = _IGNORED
    expression_provider: Any = _IGNORED
    dataset_provider: Any = _IGNORED
    provider: Any = _IGNORED
    client_provider: Any = _IGNORED
    default_disk_cache: Any = _IGNORED
    mem_cache_size_limit: Any = _IGNORED
    mem_cache_limit_type: Any = _IGNORED
    mem_cache_expire: Any = _IGNORED
    dataset_cache_dir_name: Any = _IGNORED
    features_cache_dir_name: Any = _IGNORED
    custom_ops: Any = _IGNORED
    flask_server: Any = _IGNORED
    flask_port: Any = _IGNORED
    queue_host: Any = _IGNORED
    task_queue: Any = _IGNORED
    default_exp_name: Any = _IGNORED
    skip_if_reg: Any = _IGNORED
    clear_mem_cache: Any = _IGNORED
    min_data_shift: Any = _IGNORED
    timeout: Any = _IGNORED

    @field_validator("provider_uri", mode="before")
    @classmethod
    def _daily_folder(cls, value: Any) -> Any:
        if isinstance(value, dict):
            if "day" not in value:
                raise ValueError(f"got a mapping with {sorted(map(str, value))}, expected the key 'day'")
            return str(value["day"])
        return value
