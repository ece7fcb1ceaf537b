"""The datasets of a study's trials: built once, without the test segment, and held in the cache."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.guards import embargo_days
from lstm_bench.dataset.volatility import ensure_volatility

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.dataset.array_entry import Entry
    from lstm_bench.record.stamp import NamedData
    from lstm_bench.tune.jobs import Prepare
    from lstm_bench.tune.repository.store import Store

__all__ = ["train_and_valid"]


def train_and_valid(
    store: Store, name: str, results: Path, held: ExitStack, provider_uri: str | None = None
) -> Prepare:
    """Return a function that prepares a trial's job: it builds the trial's dataset.

    A worker is given the folder of that dataset and, if samples are weighted by it, of its stocks' volatility. It
    does not receive the location of the bars. The datasets stay in the cache until ``held`` is closed. Raises
    ``InputError`` if the data are not those that the study was made for.
    """
    from lstm_bench.run.judgement.finding import log_findings
    from lstm_bench.tune.judgement import judge_study

    definition = store.definition(name)
    data = store.data(name, provider_uri)
    search = results / name / "search"
    datasets = _Datasets(data, held)

    def prepare(config: ResolvedRun, key: str) -> dict[str, Any]:
        volatility = datasets.volatility(config)
        return {
            "entry": str(datasets.dataset(config).path),
            "volatility": None if volatility is None else str(volatility.path),
            "outcome": str(search / f"{key}.json"),
        }

    log_findings(judge_study(definition, data.provider))
    datasets.dataset(definition.workflow)  # raises here what is wrong with the data for all trials
    return prepare


class _Datasets:
    """Datasets by what they are computed from."""

    def __init__(self, data: NamedData, held: ExitStack) -> None:
        self._data = data
        self._held = held
        self._cache = DatasetCache()
        self._entries: dict[str, Entry] = {}

    def dataset(self, config: ResolvedRun) -> Entry:
        """Return the train and valid segments of a configuration's dataset."""
        segments: tuple[Literal["train", "valid"], ...] = ("train", "valid")
        section, d_feat = config.task.dataset, config.task.model.kwargs.d_feat
        embargo = embargo_days(config)
        key = repr((section, d_feat, embargo))
        if key not in self._entries:
            provider, name = self._data.provider, self._data.cached_as
            entry = self._cache.ensure(section, provider, name, segments, d_feat=d_feat, embargo=embargo)
            self._hold(key, entry)
        return self._entries[key]

    def volatility(self, config: ResolvedRun) -> Entry | None:
        """Return the volatility of the dataset's stocks; None if samples are not weighted by it."""
        training = config.lstm_bench.training
        if training.reweight != "volatility":
            return None
        dataset, window = self.dataset(config), training.reweight_window
        key = f"{dataset.path.name} {window}"
        if key not in self._entries:
            self._hold(key, ensure_volatility(self._cache.store, dataset, self._data.provider, window))
        return self._entries[key]

    def _hold(self, key: str, entry: Entry) -> None:
        self._held.callback(entry.close)
        self._entries[key] = entry
