"""The provenance of a run: what it is computed from, with what, and how long that took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.dataset.bars_digest import BarsDigest
from lstm_bench.model.contract import PackSpec, PathChoice
from lstm_bench.model.trainer import Fit
from lstm_bench.record.identity import NUMERICS, run_id
from lstm_bench.record.provenance import Stopwatch, environment, peak_memory_mib
from lstm_bench.record.scoring_model import ScoringModel
from lstm_bench.record.stamp import NamedData, Stamp
from lstm_bench.run.preparation import Prepared

__all__ = ["Origin", "PackProvenance"]


@dataclass(frozen=True)
class Origin:
    """The data and the machine of runs; makes the parts of ``provenance.json`` that every run has.

    Attributes
    ----------
    watch : has the seconds of the stages
    bars : digest of the bars behind the dataset, by which a prediction of later days recognises them
    stamp : of the used data; None if the data lack something that a run needs
    """

    data: NamedData
    watch: Stopwatch
    bars: BarsDigest
    stamp: Stamp | None
    embargo: Mapping[str, int]
    environment: Mapping[str, Any] = field(default_factory=environment)

    @classmethod
    def of(cls, config: ResolvedRun, data: NamedData, prepared: Prepared, watch: Stopwatch) -> Origin:
        """Digest the data of a prepared run, as the stage ``fingerprint``."""
        dataset, provider = prepared.dataset, data.provider
        with watch.stage("fingerprint"):
            end = dataset.offset + len(dataset.days)
            bars = BarsDigest.of(config.task.dataset, provider, dataset.offset, end)
            stamp = Stamp.of(config, provider)
        return cls(data, watch, bars, stamp, prepared.embargo)

    def content(
        self,
        config: ResolvedRun,
        sections: Mapping[str, Any],
        seconds: Mapping[str, float],
        model: ScoringModel | None = None,
    ) -> dict[str, Any]:
        """Return the content of a run's ``provenance.json``, with the ``sections`` of its kind.

        ``model`` scored in place of the configuration's LSTM; None means the LSTM.
        """
        calendar = self.data.provider.calendar
        return {
            "run_id": run_id(config, self.data.name, model),
            "seed": config.seed,
            "data_fingerprint": self.data.name,
            "data_used": None if self.stamp is None else self.stamp.used,
            "folder_fingerprint": self.data.folder,
            "calendar": [str(calendar[0]), str(calendar[-1])],
            "bars": self.bars.to_json(),
            "synthetic": self.data.provider.is_synthetic,
            "numerics": NUMERICS,
            "permuted_labels": config.lstm_bench.training.permute_labels,
            **({} if model is None else {"model": model.to_json()}),
            **self.environment,
            "started": self.watch.started.isoformat(timespec="seconds"),
            **sections,
            "seconds": {**self.watch.seconds, **seconds},
            "peak_memory_mib": peak_memory_mib(),
            "embargo": self.embargo,
        }


@dataclass(frozen=True)
class PackProvenance:
    """Where and how a pack is trained; makes the provenance of each of its runs."""

    origin: Origin
    device: torch.device
    choice: PathChoice
    seeds: Sequence[int]

    def of(
        self, config: ResolvedRun, fit: Fit, run_seconds: Mapping[str, float], constant_loss: float
    ) -> dict[str, Any]:
        """Return the content of a run's ``provenance.json``."""
        cuda, pack_seconds = self.device.type == "cuda", self.origin.watch.seconds["train"]
        seconds = dict(run_seconds)
        if len(self.seeds) > 1:  # the run's share of the pack's training
            seconds["train"] = sum(epoch.seconds for epoch in fit.epochs)
        sections = {
            "device": {
                "name": str(self.device),
                "model": torch.cuda.get_device_name(self.device) if cuda else None,
                "threads": torch.get_num_threads(),
                "training_path": self.choice.name,
                "training_path_reason": self.choice.reason,
                "peak_memory_mib": torch.cuda.max_memory_allocated(self.device) / 2**20 if cuda else None,
            },
            "pack": {"width": len(self.seeds), "seeds": list(self.seeds), "train_seconds": pack_seconds},
            "training": {
                "status": fit.status,
                "epochs": len(fit.epochs),
                "best_epoch": fit.best_epoch,
                "best_score": fit.best_score,
                "parameters": PackSpec.of(config).parameters,
                "constant_loss": constant_loss,
            },
        }
        return self.origin.content(config, sections, seconds)
