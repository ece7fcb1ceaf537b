"""Findings: reasons why a run's figures are meaningless or impossible."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from lstm_bench.core.errors import InputError

__all__ = ["Finding", "log_findings"]

logger = logging.getLogger("lstm_bench")


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes
    ----------
    field : of the configuration or the result
    text : the value, what was expected, and the consequence
    refusal : the error to raise if figures are impossible; None for a warning
    """

    field: str
    text: str
    refusal: type[InputError] | None = None

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"


def log_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Log each finding once, as a warning; return the logged ones.

    Raises ``InputError`` for the first refusal, after the warnings.
    """
    distinct = list(dict.fromkeys(findings))
    warnings = [finding for finding in distinct if finding.refusal is None]
    for finding in warnings:
        logger.warning("%s", finding)
    for finding in distinct:
        if finding.refusal is not None:
            raise finding.refusal(str(finding))
    return warnings
