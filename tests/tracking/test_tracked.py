"""The events that a tracker receives for a run."""

from __future__ import annotations

from collections.abc import Callable

from lstm_bench.config.workflow import RunConfig
from lstm_bench.tracking.tracked import tags_of


def test_an_own_feature_set_has_its_name(configure: Callable[..., RunConfig]) -> None:
    assert tags_of(configure().resolved(), "s") == {"features": "Alpha158", "compat": "qlib", "study": "s"}
    own = configure("lstm_bench.features={name: momentum, features: {M5: '$close/Ref($close, 5)'}}")
    assert own.resolved().task.dataset.kwargs.handler.name == "DataHandlerLP"
    assert tags_of(own.resolved(), "s")["features"] == "momentum"
