"""How often the test data of a row have been evaluated so far."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_bench.core.counting import counted
from lstm_bench.record.ledger import Ledger
from lstm_bench.report.leaderboard.rows import Row

__all__ = ["Evaluations", "evaluations_of"]


@dataclass(frozen=True)
class Evaluations:
    """Evaluations on a row's test data.

    Attributes
    ----------
    total : of any run on the same data, universe and test days
    of_row : of the row's own runs; those that were computed again count again
    """

    total: int
    of_row: int

    @property
    def text(self) -> str:
        """A sentence."""
        own = "one of them" if self.of_row == 1 else f"{self.of_row:,} of them"
        return f"{counted(self.total, 'evaluation')} on these test data so far, {own} of this row"


def evaluations_of(ledger: Ledger, row: Row) -> Evaluations:
    """Count the evaluations on a row's test data; :meth:`lstm_bench.record.ledger.Ledger.evaluations` defines them."""
    setting = row.setting
    universe = row.config.task.dataset.kwargs.handler.universe
    found = ledger.evaluations(setting.data_fingerprint, universe, *setting.test)
    runs = {result.run_id for result in row.complete}
    return Evaluations(len(found), sum(entry.run.run_id in runs for entry in found))
