"""``lstm-bench init``: from a data folder to a file that runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.conftest import Run


def test_what_init_writes_runs(market: Path, here: Run) -> None:
    done = here("init", "--provider-uri", market, "--out", "own.yaml")
    assert done.returncode == 0, done.stderr
    assert "next: lstm-bench run own.yaml" in done.stdout
    ran = here("run", "own.yaml", "--set", "task.model.kwargs.n_epochs=1")
    assert ran.returncode == 0, ran.stderr
    warnings = [line for line in ran.stderr.splitlines() if "WARNING" in line]
    assert all("CUDA" in line for line in warnings)


def test_a_file_is_not_overwritten(market: Path, here: Run) -> None:
    kept = Path("kept.yaml")
    kept.write_text("mine")
    done = here("init", "--provider-uri", market, "--out", kept)
    assert done.returncode == 2
    assert "--force" in done.stderr
    assert kept.read_text() == "mine"
    assert here("init", "--provider-uri", market, "--out", kept, "--force").returncode == 0
    assert "TopkDropoutStrategy" in kept.read_text()


@pytest.mark.parametrize("option", [("--region", "uk"), ("--features", "alpha1"), ("--market", "csi999")])
def test_what_is_not_there_is_named(market: Path, here: Run, option: tuple[str, str]) -> None:
    done = here("init", "--provider-uri", market, *option)
    assert done.returncode == 2
    assert option[1] in done.stderr
    assert not Path("workflow.yaml").exists()
