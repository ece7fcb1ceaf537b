"""Studies whose trials follow a script, for these tests too."""

from __future__ import annotations

from tests.lab import jobs_on_the_path, lab, make_lab

__all__ = ["jobs_on_the_path", "lab", "make_lab"]
