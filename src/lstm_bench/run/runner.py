"""A run: from a configuration, through data, training and evaluation, to a complete record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstm_bench.config.workflow import RunConfig
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.errors import DataError, RunError
from lstm_bench.model.device import resolve_device
from lstm_bench.model.lstm import LSTM, count_parameters
from lstm_bench.model.pack import PackSpec, ReplicaSpec
from lstm_bench.model.predict import predict
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.trainer import Fit, train_pack
from lstm_bench.run.contents import Scored, write_record
from lstm_bench.run.evaluation import evaluate_scores
from lstm_bench.run.identity import NUMERICS, run_id
from lstm_bench.run.preparation import Prepared, needs, prepare, valid_metric
from lstm_bench.run.progress import LogProgress, Progress
from lstm_bench.run.provenance import Stopwatch, environment, peak_memory_mib
from lstm_bench.run.record import Record, publish, recover

__all__ = ["execute", "preview"]


def execute(
    config: RunConfig,
    experiment: Path,
    *,
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
) -> tuple[Record, bool]:
    """Compute a run, unless its record is there.

    Parameters
    ----------
    config
        The run, its seed included.
    experiment
        Folder of the experiment; the record goes to ``<experiment>/<run_id>``.
    device
        A wish (``auto``) or a demand; see :func:`lstm_bench.model.device.resolve_device`.
    force
        Compute even where a record is there, and replace it.
    progress
        Hears of stages and epochs; log lines where None.

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
    config = config.resolved()
    chosen = resolve_device(device, config.task.model.kwargs.GPU)
    provider = Provider(config.qlib_init.provider_uri)
    _make_folder(experiment)
    run = _Run(config, provider, chosen, progress or LogProgress())
    folder = experiment / run.name
    recover(folder)
    record, computed = Record.find(folder), False
    if record is None or force:
        record, computed = run.compute(folder, replace=force)
    if not record.metrics():
        raise RunError(
            f"seed {config.seed}: training diverged in its first epoch, so that there are no weights to evaluate; "
            f"its losses are in {record.path}"
        )
    return record, computed


def preview(config: RunConfig, *, device: str = "auto") -> dict[str, Any]:
    """Prepare a run without training it.

    Returns
    -------
    dict
        ``config`` (resolved), ``run_id``, ``device``, ``samples`` per segment, ``window`` ``[L, F]``, and what it
        will take: ``resident_mib``, ``training_mib``, ``record_mib``.

    Raises
    ------
    InputError
        Where the run would be refused.
    """
    config = config.resolved()
    chosen = resolve_device(device, config.task.model.kwargs.GPU)
    provider = Provider(config.qlib_init.provider_uri)
    prepared = prepare(config, provider)
    samples = {part.segment: len(part) for part in (prepared.train, prepared.valid, prepared.test)}
    return {
        "config": config.to_file(),
        "run_id": run_id(config, fingerprint(provider)),
        "device": str(chosen),
        "samples": samples,
        "window": [prepared.dataset.step_len, prepared.dataset.n_features],
        **needs(config, prepared),
    }


class _Run:
    """One run at work."""

    def __init__(
        self, config: RunConfig, provider: Provider, device: torch.device, progress: Progress
    ) -> None:
        self.config = config
        self.provider = provider
        self.device = device
        self.progress = progress
        self.watch = Stopwatch(progress.stage)
        self.environment = environment()
        with self.watch.stage("fingerprint"):
            self.data = fingerprint(provider)
        self.name = run_id(config, self.data)

    def compute(self, folder: Path, *, replace: bool) -> tuple[Record, bool]:
        """Train, predict, evaluate and publish."""
        with self.watch.stage("dataset"):
            prepared = prepare(self.config, self.provider)
            metric = valid_metric(self.config, prepared.valid)
        kwargs = self.config.task.model.kwargs

        def on_epoch(fits: Sequence[Fit]) -> bool:
            self.progress.epoch(fits, kwargs.n_epochs)
            return True

        with self.watch.stage("train"):
            fit = train_pack(
                PackSpec.of(self.config),
                [ReplicaSpec.of(self.config)],
                prepared.train,
                prepared.valid,
                n_epochs=kwargs.n_epochs,
                early_stop=kwargs.early_stop,
                device=self.device,
                valid_metric=metric,
                on_epoch=on_epoch,
                on_step=self.progress.step,
            )[0]
        scored = self._score(prepared, fit) if fit.weights else None

        def write(draft: Path) -> None:
            write_record(draft, self.config, prepared, fit, scored, self._provenance(fit))

        self.progress.stage("record")
        return publish(folder, write, replace=replace)

    def _score(self, prepared: Prepared, fit: Fit) -> Scored:
        dataset, test, spec = prepared.dataset, prepared.test, PackSpec.of(self.config)
        with self.watch.stage("predict"):
            model = LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, dropout=0.0)
            model.load_state_dict(fit.weights)
            resident = ResidentSamples.place(test, self.device)
            scores = predict(model.to(self.device), resident).cpu().numpy()
        with self.watch.stage("evaluate"):
            rows = np.zeros(dataset.raw_label.shape, dtype=np.bool_)
            rows[test.days, test.instruments] = True
            span = slice(int(test.days.min()), int(test.days.max()) + 1)
            evaluation = evaluate_scores(
                self.config,
                prepared.market,
                dataset.scores_to_panel(test, scores)[span],
                np.where(rows, dataset.raw_label, np.float32(np.nan))[span],
                rows[span],
                dataset.days[span],
                dataset.instruments,
            )
        return Scored(scores, dataset.raw_label[test.days, test.instruments], evaluation)

    def _provenance(self, fit: Fit) -> dict[str, Any]:
        spec, cuda = PackSpec.of(self.config), self.device.type == "cuda"
        return {
            "run_id": self.name,
            "seed": self.config.seed,
            "data_fingerprint": self.data,
            "numerics": NUMERICS,
            **self.environment,
            "started": self.watch.started.isoformat(timespec="seconds"),
            "device": {
                "name": str(self.device),
                "model": torch.cuda.get_device_name(self.device) if cuda else None,
                "threads": torch.get_num_threads(),
                "training_path": "nn.LSTM, one replica after the other",
                "peak_memory_mib": torch.cuda.max_memory_allocated(self.device) / 2**20 if cuda else None,
            },
            "training": {
                "status": fit.status,
                "epochs": len(fit.epochs),
                "best_epoch": fit.best_epoch,
                "best_score": fit.best_score,
                "parameters": count_parameters(
                    LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, dropout=0.0)
                ),
            },
            "seconds": self.watch.seconds,
            "peak_memory_mib": peak_memory_mib(),
        }


def _make_folder(folder: Path) -> None:
    """Make the folder that records go to, before hours are spent on one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"--out: cannot write to {folder}: {error.strerror}") from error
