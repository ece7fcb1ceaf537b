"""``lstm_bench.tracking``: who is told of runs while they train."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, ValidationError

from lstm_bench.config.section import Section
from lstm_bench.core.errors import ConfigError, choices_hint

__all__ = ["TrackerName", "TrackingConfig", "with_tracker"]

TrackerName = Literal["off", "wandb", "mlflow"]


class TrackingConfig(Section):
    """What a workflow file says of tracking; no number depends on it, and no record holds it.

    Where a tracker's server is, and who may speak to it, is said by the tracker's own environment variables.
    """

    tracker: TrackerName = Field("off", description="who is told")
    record: bool = Field(True, description="whether it is given the record's files, or the figures alone")
    figures: bool = Field(
        True,
        description="whether each run's main figures are drawn for it; needs matplotlib (extra pictures)",
    )
    timeout_seconds: float = Field(
        30.0, gt=0.0, description="of each call, and of waiting for the last ones when the work is done"
    )


def with_tracker(config: TrackingConfig, tracker: str | None) -> TrackingConfig:
    """Put ``--track`` over what a file says; None leaves it.

    Raises
    ------
    ConfigError
        Where there is no such tracker.
    """
    if tracker is None:
        return config
    try:
        return TrackingConfig.model_validate({**config.model_dump(), "tracker": tracker})
    except ValidationError as error:
        choices = get_args(TrackerName)
        raise ConfigError(f"--track: got {tracker!r}; {choices_hint(tracker, choices)}") from error
