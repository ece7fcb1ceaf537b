"""``lstm_bench.tracking``: where runs are tracked while they train."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, ValidationError

from lstm_bench.config.section import Section
from lstm_bench.core.errors import ConfigError, choices_hint

__all__ = ["TrackerName", "TrackingConfig", "with_tracker"]

TrackerName = Literal["off", "wandb", "mlflow"]


class TrackingConfig(Section):
    """Tracking of runs. No number depends on it, and records do not contain it.

    The tracker's environment variables set its server and credentials.
    """

    tracker: TrackerName = Field("off", description="the tracker; off disables tracking")
    record: bool = Field(True, description="whether to upload the record's files; otherwise only its metrics")
    figures: bool = Field(
        True,
        description="whether to upload pictures of each run's main figures; needs matplotlib (extra pictures)",
    )
    timeout_seconds: float = Field(
        30.0, gt=0.0, description="limit of each call, and of waiting for pending calls at the end"
    )


def with_tracker(config: TrackingConfig, tracker: str | None) -> TrackingConfig:
    """Override a file's tracker by ``--track``; None keeps it.

    Raises ConfigError if ``tracker`` is unknown.
    """
    if tracker is None:
        return config
    try:
        return TrackingConfig.model_validate({**config.model_dump(), "tracker": tracker})
    except ValidationError as error:
        choices = get_args(TrackerName)
        raise ConfigError(f"--track: got {tracker!r}; {choices_hint(tracker, choices)}") from error
