"""A pack of runs in memory: its dataset, training, scores and evaluation."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.counting import counted
from lstm_bench.core.kernel import cache_folder
from lstm_bench.dataset.build import build_dataset
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.evaluate.compilation import EarlyCompilation
from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.loss.sample import constant_loss
from lstm_bench.model.predict import predict_weights
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.select import choose_path
from lstm_bench.model.trainer import Fit, train_pack
from lstm_bench.record.provenance import Stopwatch
from lstm_bench.record.rescue import check_room
from lstm_bench.record.stamp import NamedData
from lstm_bench.run.contents import Scored, write_record
from lstm_bench.run.evaluation import evaluate_pack
from lstm_bench.run.preparation import Prepared, needs, prepare, valid_metric
from lstm_bench.run.provenance import Origin, PackProvenance
from lstm_bench.tracking.progress import Progress

__all__ = ["PackComputation"]


@dataclass
class PackComputation:
    """Computes the runs of one configuration over seeds.

    Attributes
    ----------
    configs : by seed, resolved
    watch : measures the stages, and reports them to the progress
    cache : of datasets; None builds the dataset in memory
    experiment : folder of the records, whose disk needs room for them
    record_bytes : estimated size of a record, known when training begins
    """

    configs: Mapping[int, ResolvedRun]
    data: NamedData
    device: torch.device
    watch: Stopwatch
    cache: DatasetCache | None
    experiment: Path
    record_bytes: float = 0.0

    def __post_init__(self) -> None:
        self.config = next(iter(self.configs.values()))  # for everything but the seed
        self.choice = choose_path(PackSpec.of(self.config), self.device)

    def compute(self, progress: Progress) -> Iterator[tuple[int, Callable[[Path], None]]]:
        """Train the pack and evaluate its runs; yield each seed with the function that fills its record.

        Raises ``InputError`` if the configuration or the data cannot be used, or there is no room for the records.
        """
        with EarlyCompilation(cache_folder()) as compilation:
            prepared, origin, fits = self._train(progress)
            if any(fit.weights for fit in fits):
                compilation.wait()
        provenance = PackProvenance(origin, self.device, self.choice, list(self.configs))
        constant = constant_loss(torch.from_numpy(prepared.valid.labels), PackSpec.of(self.config).loss)
        results = self._score(prepared, [fit for fit in fits if fit.weights], progress)
        for (seed, config), fit in zip(self.configs.items(), fits, strict=True):
            scored, seconds = next(results) if fit.weights else (None, {})
            content = provenance.of(config, fit, seconds, constant)
            progress.stage("record")
            yield (
                seed,
                partial(
                    write_record, config=config, prepared=prepared, fit=fit, scored=scored, provenance=content
                ),
            )

    def _train(self, progress: Progress) -> tuple[Prepared, Origin, list[Fit]]:
        with self.watch.stage("dataset"):
            build = partial(self.cache.open, fingerprint=self.data.cached_as) if self.cache else build_dataset
            prepared = prepare(self.config, self.data.provider, build)
            metric = valid_metric(self.config, prepared.valid)
        self.record_bytes = needs(self.config, prepared, self.choice)["record_mib"] * 2**20
        n = len(self.configs)
        check_room(
            self.experiment, n * self.record_bytes, f"the record{'s' * (n > 1)} of {counted(n, 'seed')}"
        )
        origin = Origin.of(self.config, self.data, prepared, self.watch)
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
                on_epoch=partial(self._report, progress),
                on_step=progress.step,
                choice=self.choice,
                weights=prepared.weights,
            )
        return prepared, origin, fits

    def _report(self, progress: Progress, fits: Sequence[Fit]) -> bool:
        """Report the members that the epoch trained."""
        epoch = max(len(fit.epochs) for fit in fits)
        active = [fit for fit in fits if len(fit.epochs) == epoch]
        progress.epoch(active, self.config.task.model.kwargs.n_epochs)
        return True

    def _score(
        self, prepared: Prepared, fits: Sequence[Fit], progress: Progress
    ) -> Iterator[tuple[Scored, dict[str, float]]]:
        """Score the test segment with each member's best weights and evaluate the scores; yield them with seconds."""
        dataset, test = prepared.dataset, prepared.test
        configs = [self.configs[fit.member.seed] for fit in fits]
        span, rows = dataset.rows_of(test)
        spec = PackSpec.of(self.config)
        resident = ResidentSamples.place(test, self.device)
        predicted: deque[tuple[npt.NDArray[np.float32], float]] = deque()

        def panels() -> Iterator[npt.NDArray[np.float32]]:
            for fit in fits:
                progress.stage("predict")
                start = time.perf_counter()
                scores = predict_weights(spec, fit.weights, resident, self.choice.name)
                predicted.append((scores, time.perf_counter() - start))
                progress.stage("evaluate")
                yield dataset.scores_to_panel(test, scores)[span]

        for evaluation, evaluate_seconds in evaluate_pack(
            configs,
            prepared.market,
            panels(),
            np.where(rows, dataset.raw_label[span], np.float32(np.nan)),
            rows,
            dataset.days[span],
            dataset.instruments,
            threads=torch.get_num_threads(),
        ):
            scores, predict_seconds = predicted.popleft()
            labels = dataset.raw_label[test.days, test.instruments]
            seconds = {"predict": predict_seconds, "evaluate": evaluate_seconds}
            yield Scored(scores, labels, evaluation), seconds
