"""Runs: from a configuration, through data, training and evaluation, to complete records."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lstm_bench.config.workflow import ResolvedRun, RunConfig
from lstm_bench.core.errors import ConfigError, RunError
from lstm_bench.core.kernel import cache_folder
from lstm_bench.core.writable import check_can_be_made
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.bars_digest import BarsDigest
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.dataset.guards import embargo_days
from lstm_bench.dataset.segments import close_segments
from lstm_bench.evaluate.compilation import EarlyCompilation
from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.device import resolve_device
from lstm_bench.model.loss.sample import constant_loss
from lstm_bench.model.predict import predict_weights
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.select import choose_path
from lstm_bench.model.trainer import Fit, train_pack
from lstm_bench.record.identity import NUMERICS, run_id
from lstm_bench.record.provenance import Stopwatch, environment, peak_memory_mib
from lstm_bench.record.publish import publish, recover
from lstm_bench.record.record import Record
from lstm_bench.record.rescue import (
    check_room,
    expect_room,
    forget_rescued,
    is_full,
    rescue_record,
    take_rescued,
)
from lstm_bench.record.stamp import NamedData, Stamp, data_of_run
from lstm_bench.run.contents import Scored, write_record
from lstm_bench.run.evaluation import evaluate_pack
from lstm_bench.run.judgement.finding import say
from lstm_bench.run.judgement.setup import judge_setup
from lstm_bench.run.preparation import Prepared, needs, prepare, valid_metric
from lstm_bench.tracking.progress import LogProgress, Progress
from lstm_bench.tracking.tracked import TrackedPack, described
from lstm_bench.tracking.tracker import NoTracker, Tracker

__all__ = ["PackRun", "execute", "execute_pack", "preview"]


@dataclass(frozen=True)
class PackRun:
    """One seed of a pack.

    Attributes
    ----------
    seed
    record : what it left behind
    computed : False where the record was there, or another process published it in the meantime
    error : why it has no metrics, None where it has; such a record is not computed again
    """

    seed: int
    record: Record
    computed: bool
    error: str | None

    @classmethod
    def of(cls, seed: int, record: Record, *, computed: bool) -> PackRun:
        """Look at a seed's record."""
        failure = record.failure()
        return cls(seed, record, computed, None if failure is None else f"seed {seed}: {failure}")


def execute(
    config: RunConfig,
    experiment: Path,
    *,
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
    cache: DatasetCache | None = None,
    tracker: Tracker | None = None,
) -> tuple[Record, bool]:
    """Compute a run, unless its record is there: a pack of the configuration's own seed.

    Parameters
    ----------
    config
        The run, its seed included.
    experiment, device, force, progress, cache, tracker
        As for :func:`execute_pack`.

    Returns
    -------
    record : Record
    computed : bool
        False where the record was there, or another process published it in the meantime.

    Raises
    ------
    InputError
        Where the configuration, the data or the device cannot be used.
    RunError
        Where training diverged before any epoch was usable. Its record says so, and is not computed again.
    """
    (run,) = execute_pack(
        config,
        [config.seed],
        experiment,
        device=device,
        force=force,
        progress=progress,
        cache=cache,
        tracker=tracker,
    )
    if run.error is not None:
        raise RunError(run.error)
    return run.record, run.computed


def execute_pack(
    config: RunConfig,
    seeds: Sequence[int],
    experiment: Path,
    *,
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
    cache: DatasetCache | None = None,
    tracker: Tracker | None = None,
    judged: bool = False,
    data: NamedData | None = None,
) -> list[PackRun]:
    """Compute a configuration's runs over seeds, but for those whose records are there.

    They train as one pack. Then each is evaluated and published by itself, so that what is done stays done.

    Parameters
    ----------
    config
        The runs; its own seed does not count.
    seeds
        Theirs, each once.
    experiment
        Folder of the experiment; the records go to ``<experiment>/<run_id>``.
    device
        A wish (``auto``) or a demand; see :func:`lstm_bench.model.device.resolve_device`.
    force
        Compute even where a record is there, and replace it.
    progress
        Hears of stages and epochs; log lines where None.
    cache
        Where the dataset comes from; it is built in memory where None.
    tracker
        Hears of the runs that are computed now; nobody does where None.
    judged
        Whether the caller has said what :func:`lstm_bench.run.judgement.setup.judge_setup` finds.
    data
        The data and their name, such as a study's; those of the configuration's folder where None.

    Returns
    -------
    list of PackRun
        In the order of ``seeds``. One that diverged has its record and says so; it does not stop the others.

    Raises
    ------
    InputError
        Where the configuration, the seeds, the data or the device cannot be used, or there is no room for the records.
    RunError
        Where the room was used up meanwhile. What was trained is kept elsewhere; the next start finds it.
    """
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds: got {', '.join(map(str, seeds))}, expected each once")
    provider = Provider(config.qlib_init.provider_uri) if data is None else data.provider
    config = close_segments(config, provider)
    configs = {seed: config.with_seed(seed).resolved() for seed in seeds}
    chosen = resolve_device(device, config.task.model.kwargs.GPU)
    check_can_be_made("--out", experiment)
    listener = progress or LogProgress()
    watch = Stopwatch(listener.stage)
    with watch.stage("fingerprint"):
        if data is None:
            data = data_of_run(config.resolved(), provider, experiment, seeds, force=force)
    folders = {seed: experiment / run_id(member, data.name) for seed, member in configs.items()}
    done: dict[int, PackRun] = {}
    for seed, folder in folders.items():
        recover(folder)
        record = None if force else take_rescued(folder) or Record.find(folder)
        if record is not None:
            done[seed] = PackRun.of(seed, record, computed=False)
    missing = {seed: member for seed, member in configs.items() if seed not in done}
    if missing:
        if not judged:
            say(judge_setup(config, provider))
        study = experiment.name
        runs = {
            seed: described(run, folders[seed].name, data.name, study, "run") for seed, run in missing.items()
        }
        with TrackedPack(tracker or NoTracker(), listener, runs) as tracked:
            pack = _PackAtWork(missing, data, chosen, tracked, watch, cache, experiment)
            homeless: list[str] = []
            for seed, write in pack.compute():
                try:
                    expect_room(experiment, pack.record_bytes)
                    record, computed = publish(folders[seed], write, replace=force)
                except OSError as error:
                    if not is_full(error):
                        raise
                    homeless.append(rescue_record(seed, folders[seed], write))
                    continue
                forget_rescued(folders[seed])
                done[seed] = PackRun.of(seed, record, computed=computed)
                tracked.recorded(seed, record)
            if homeless:
                raise RunError("\n".join(homeless))
    return [done[seed] for seed in seeds]


def preview(config: RunConfig, *, device: str = "auto", experiment: Path | None = None) -> dict[str, Any]:
    """Prepare a run without training it.

    Parameters
    ----------
    config
    device
        As for :func:`execute_pack`.
    experiment
        Where its record would go, whose records may have named its data before.

    Returns
    -------
    dict
        ``config`` (resolved), ``run_id``, ``device``, ``training_path`` and ``training_path_reason``, ``samples`` per
        segment, ``embargo`` (its days, and what it leaves out), ``window`` ``[L, F]``, and what it will take:
        ``resident_mib``, ``training_mib``, ``record_mib``. ``warnings`` are what makes its figures meaningless.

    Raises
    ------
    InputError
        Where the run would be refused.
    """
    provider = Provider(config.qlib_init.provider_uri)
    config = close_segments(config, provider).resolved()
    chosen = resolve_device(device, config.task.model.kwargs.GPU)
    choice = choose_path(PackSpec.of(config), chosen)
    warnings = [str(finding) for finding in say(judge_setup(config, provider))]
    prepared = prepare(config, provider)
    samples = {part.segment: len(part) for part in (prepared.train, prepared.valid, prepared.test)}
    name = fingerprint(provider)
    if experiment is not None:
        name = data_of_run(config, provider, experiment, [config.seed]).name
    return {
        "config": config.to_file(),
        "run_id": run_id(config, name),
        "device": str(chosen),
        "training_path": choice.name,
        "training_path_reason": choice.reason,
        "samples": samples,
        "embargo": prepared.embargo,
        "window": [prepared.dataset.step_len, prepared.dataset.n_features],
        "warnings": warnings,
        **needs(config, prepared, choice),
    }


class _PackAtWork:
    """Runs of one configuration over seeds, at work."""

    def __init__(
        self,
        configs: Mapping[int, ResolvedRun],
        data: NamedData,
        device: torch.device,
        progress: Progress,
        watch: Stopwatch,
        cache: DatasetCache | None,
        experiment: Path,
    ) -> None:
        self.configs = configs
        self.config = next(iter(configs.values()))  # for what all of them share
        self.provider = data.provider
        self.data = data
        self.device = device
        self.progress = progress
        self.watch = watch
        self.cache = cache
        self.experiment = experiment
        self.record_bytes = 0.0
        self.choice = choose_path(PackSpec.of(self.config), device)
        self.environment = environment()

    def compute(self) -> Iterator[tuple[int, Callable[[Path], None]]]:
        """Train the pack, then evaluate one run after the other; yield its seed and what fills its record."""
        with EarlyCompilation(cache_folder()) as compilation:
            prepared, bars, stamp, fits = self._train()
            if any(fit.weights for fit in fits):
                compilation.wait()
        constant = constant_loss(torch.from_numpy(prepared.valid.labels), PackSpec.of(self.config).loss)
        coming = self._scored(prepared, [fit for fit in fits if fit.weights])
        for (seed, config), fit in zip(self.configs.items(), fits, strict=True):
            scored, seconds = next(coming) if fit.weights else (None, {})
            provenance = self._provenance(config, fit, seconds, bars, stamp) | {"embargo": prepared.embargo}
            provenance["training"]["constant_loss"] = constant
            self.progress.stage("record")
            yield (
                seed,
                partial(
                    write_record,
                    config=config,
                    prepared=prepared,
                    fit=fit,
                    scored=scored,
                    provenance=provenance,
                ),
            )

    def _train(self) -> tuple[Prepared, BarsDigest, Stamp | None, list[Fit]]:
        with self.watch.stage("dataset"):
            prepared = prepare(self.config, self.provider, self._dataset)
            metric = valid_metric(self.config, prepared.valid)
        self.record_bytes = needs(self.config, prepared, self.choice)["record_mib"] * 2**20
        n = len(self.configs)
        check_room(
            self.experiment, n * self.record_bytes, f"the record{'s' * (n > 1)} of {n} seed{'s' * (n > 1)}"
        )
        with self.watch.stage("fingerprint"):
            bars = self._bars(prepared.dataset)
            stamp = Stamp.of(self.config, self.provider)
        kwargs = self.config.task.model.kwargs
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        with self.watch.stage("train"):
            fits = train_pack(
                PackSpec.of(self.config),
                [MemberSpec.of(config) for config in self.configs.values()],
                prepared.train,
                prepared.valid,
                n_epochs=kwargs.n_epochs,
                early_stop=kwargs.early_stop,
                device=self.device,
                valid_metric=metric,
                on_epoch=self._report,
                on_step=self.progress.step,
                choice=self.choice,
                weights=prepared.weights,
            )
        return prepared, bars, stamp, fits

    def _dataset(self) -> Dataset:
        section, d_feat = self.config.task.dataset, self.config.task.model.kwargs.d_feat
        embargo = embargo_days(self.config)
        if self.cache is None:
            return build_dataset(section, self.provider, d_feat=d_feat, embargo=embargo)
        return self.cache.open(section, self.provider, self.data.cached_as, d_feat=d_feat, embargo=embargo)

    def _bars(self, dataset: Dataset) -> BarsDigest:
        """Digest the bars behind the dataset, for whoever predicts later days."""
        end = dataset.offset + len(dataset.days)
        return BarsDigest.of(self.config.task.dataset, self.provider, dataset.offset, end)

    def _report(self, fits: Sequence[Fit]) -> bool:
        """Tell of the members that the epoch trained."""
        epoch = max(len(fit.epochs) for fit in fits)
        live = [fit for fit in fits if len(fit.epochs) == epoch]
        self.progress.epoch(live, self.config.task.model.kwargs.n_epochs)
        return True

    def _scored(self, prepared: Prepared, fits: Sequence[Fit]) -> Iterator[tuple[Scored, dict[str, float]]]:
        """Score test with each member's best weights and evaluate that, several at once; with each one's seconds."""
        dataset, test = prepared.dataset, prepared.test
        configs = [self.configs[fit.member.seed] for fit in fits]
        span, rows = dataset.rows_of(test)
        spec = PackSpec.of(self.config)
        resident = ResidentSamples.place(test, self.device)
        predicted: deque[tuple[npt.NDArray[np.float32], float]] = deque()

        def panels() -> Iterator[npt.NDArray[np.float32]]:
            for fit in fits:
                self.progress.stage("predict")
                begun = time.perf_counter()
                scores = predict_weights(spec, fit.weights, resident, self.choice.name)
                predicted.append((scores, time.perf_counter() - begun))
                self.progress.stage("evaluate")
                yield dataset.scores_to_panel(test, scores)[span]

        for evaluation, seconds in evaluate_pack(
            configs,
            prepared.market,
            panels(),
            np.where(rows, dataset.raw_label[span], np.float32(np.nan)),
            rows,
            dataset.days[span],
            dataset.instruments,
            threads=torch.get_num_threads(),
        ):
            scores, before = predicted.popleft()
            labels = dataset.raw_label[test.days, test.instruments]
            yield Scored(scores, labels, evaluation), {"predict": before, "evaluate": seconds}

    def _provenance(
        self,
        config: ResolvedRun,
        fit: Fit,
        own: Mapping[str, float],
        bars: BarsDigest,
        stamp: Stamp | None,
    ) -> dict[str, Any]:
        spec, cuda = PackSpec.of(config), self.device.type == "cuda"
        calendar, seconds = self.provider.calendar, {**self.watch.seconds, **own}
        if len(self.configs) > 1:  # a run's share of what the pack did together
            seconds["train"] = sum(epoch.seconds for epoch in fit.epochs)
        return {
            "run_id": run_id(config, self.data.name),
            "seed": config.seed,
            "data_fingerprint": self.data.name,
            "data_used": None if stamp is None else stamp.used,
            "folder_fingerprint": self.data.folder,
            "calendar": [str(calendar[0]), str(calendar[-1])],
            "bars": bars.to_json(),
            "synthetic": self.provider.is_synthetic,
            "numerics": NUMERICS,
            **self.environment,
            "started": self.watch.started.isoformat(timespec="seconds"),
            "device": {
                "name": str(self.device),
                "model": torch.cuda.get_device_name(self.device) if cuda else None,
                "threads": torch.get_num_threads(),
                "training_path": self.choice.name,
                "training_path_reason": self.choice.reason,
                "peak_memory_mib": torch.cuda.max_memory_allocated(self.device) / 2**20 if cuda else None,
            },
            "pack": {
                "width": len(self.configs),
                "seeds": list(self.configs),
                "train_seconds": self.watch.seconds["train"],
            },
            "training": {
                "status": fit.status,
                "epochs": len(fit.epochs),
                "best_epoch": fit.best_epoch,
                "best_score": fit.best_score,
                "parameters": spec.parameters,
            },
            "seconds": seconds,
            "peak_memory_mib": peak_memory_mib(),
        }
