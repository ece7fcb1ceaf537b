"""A tiny synthetic market, a workflow file on it, and a recorded run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lstm_bench.config.workflow import RunConfig
from lstm_bench.record.record import Record
from lstm_bench.run.runner import execute


@pytest.fixture(scope="session")
def recorded(configure: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Give the record of the workflow's run."""
    record, _ = execute(configure(), tmp_path_factory.mktemp("results") / "small")
    return record
