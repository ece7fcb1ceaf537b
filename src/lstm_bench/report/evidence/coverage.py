"""The ledger beside the evidence: each complete seed must have an entry with its metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from lstm_bench.core.errors import DataError
from lstm_bench.record.evaluated import Evaluated, metrics_digest
from lstm_bench.record.evidence import Evidence
from lstm_bench.record.evidence_schema import SeedResult
from lstm_bench.record.ledger import Ledger
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.report.leaderboard.setting import parse_config

__all__ = ["evaluated_seeds", "verify_coverage"]


def evaluated_seeds(evidence: Mapping[str, Evidence]) -> list[Evaluated]:
    """Describe the evaluations of all complete seeds, in the order of (study, row, seed)."""
    return [
        _evaluated(result)
        for study in sorted(evidence)
        for result in evidence[study].results
        if result.status == "complete"
    ]


def verify_coverage(evidence: Mapping[str, Evidence], ledger: Ledger) -> None:
    """Check that each complete seed has an entry in the ledger, with the same metrics.

    Raises
    ------
    DataError
        If one has none; the message has a line per seed.
    """
    if wrong := list(_findings(evidence, ledger)):
        raise DataError("ledger of test evaluations:\n" + "\n".join(wrong))


def _findings(evidence: Mapping[str, Evidence], ledger: Ledger) -> Iterator[str]:
    for found in evidence.values():
        for result in found.results:
            if result.status != "complete":
                continue
            entries = ledger.by_run.get(result.run_id or "", [])
            place = f"{result.study}/{result.row}, seed {result.seed}, run {result.run_id}"
            if not entries:
                yield f"{place}: it has no entry; `lstm-bench leaderboard` adopts it"
            elif metrics_digest(result.metrics) not in {entry.run.metrics for entry in entries}:
                yield (
                    f"{place}: its metrics are not those of its entry (line {entries[-1].number}); compute the run "
                    "again with --force"
                )


def _evaluated(result: SeedResult) -> Evaluated:
    """Describe the evaluation of a complete seed, as its record did."""
    config, first, last = parse_config(json.loads(result.config)), result.calendar_first, result.calendar_last
    return Evaluated.of(
        config,
        result.metrics,
        None if first is None or last is None else (first, last),
        experiment=result.study,
        run_id=result.run_id or "",
        model=None if result.model is None else ScoringModel.parse(result.model).kind,
        data=result.data_fingerprint or "",
        data_used=result.data_used,
    )
