"""A pack: replicas of one shape on one device, over the same resident samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from lstm_bench.config.harness import Compat
from lstm_bench.config.workflow import RunConfig
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.allocator import keep_freed_memory
from lstm_bench.model.loss import batch_mean_loss, mean_squared_error
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.predict import predict
from lstm_bench.model.random_stream import RandomStream
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.sample_order import in_sequence, shuffled, shuffled_as_loader, shuffled_as_numpy

__all__ = ["Pack", "PackSpec", "Replica", "ReplicaSpec"]


@dataclass(frozen=True)
class PackSpec:
    """What the replicas of a pack share.

    Attributes
    ----------
    d_feat, hidden_size, num_layers : the LSTM's shape
    batch_size, optimizer : as in the ``task.model`` section
    clip_grad_value, clip_grad_norm : gradient clipping, None for none
    compat : whose training details hold
    is_time_series : whether Qlib trains this on ``TSDatasetH``; it decides Qlib's sample order and precision
    """

    d_feat: int
    hidden_size: int
    num_layers: int
    batch_size: int
    optimizer: Literal["adam", "gd", "adamw"]
    clip_grad_value: float | None
    clip_grad_norm: float | None
    compat: Compat
    is_time_series: bool

    @classmethod
    def of(cls, config: RunConfig) -> PackSpec:
        """Return what the replicas of a configuration share."""
        kwargs, training = config.task.model.kwargs, config.lstm_bench.training
        return cls(
            d_feat=kwargs.d_feat,
            hidden_size=kwargs.hidden_size,
            num_layers=kwargs.num_layers,
            batch_size=kwargs.batch_size,
            optimizer=kwargs.optimizer,
            clip_grad_value=training.clip_grad_value,
            clip_grad_norm=training.clip_grad_norm,
            compat=config.lstm_bench.compat,
            is_time_series=config.task.model.is_time_series,
        )


@dataclass(frozen=True)
class ReplicaSpec:
    """What is a replica's own."""

    seed: int
    lr: float
    dropout: float
    weight_decay: float

    @classmethod
    def of(cls, config: RunConfig) -> ReplicaSpec:
        """Return a configuration's replica."""
        kwargs = config.task.model.kwargs
        return cls(config.seed, kwargs.lr, kwargs.dropout, config.lstm_bench.training.weight_decay)


class Replica:
    """One model with its optimizer and its random stream."""

    def __init__(self, spec: ReplicaSpec, pack: PackSpec, device: torch.device) -> None:
        self.spec = spec
        self.stream = RandomStream(spec.seed, device)
        with self.stream.active():  # weights are drawn on the CPU: a seed means the same model everywhere
            self.model = LSTM(pack.d_feat, pack.hidden_size, pack.num_layers, spec.dropout)
        self.model.to(device)
        self.optimizer = _optimizer(pack.optimizer, self.model, spec)

    def weights(self) -> dict[str, Tensor]:
        """Copy the model's weights to the CPU."""
        return {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}


class Pack:
    """Replicas that take turns on one device, over the same samples.

    Parameters
    ----------
    spec
        What they share.
    replicas
        What is their own, K of them.
    train, valid
        Learn samples.
    device
        Where all of it lives.
    """

    def __init__(
        self,
        spec: PackSpec,
        replicas: Sequence[ReplicaSpec],
        train: SampleSet,
        valid: SampleSet,
        device: torch.device,
    ) -> None:
        if device.type == "cpu":
            keep_freed_memory()
        self.spec = spec
        self.device = device
        self.train = ResidentSamples.place(train, device)
        self.valid = ResidentSamples.place(valid, device)
        # Qlib's loss on TSDatasetH has the labels' precision (CSRankNorm makes them float64); elsewhere it is float32.
        own_precision = spec.compat == "qlib" and spec.is_time_series and device.type != "mps"
        labels = [torch.from_numpy(samples.labels) for samples in (train, valid)]
        self.train_labels, self.valid_labels = (
            (label if own_precision else label.float()).to(device) for label in labels
        )
        self.replicas = [Replica(replica, spec, device) for replica in replicas]

    @property
    def steps(self) -> int:
        """Optimizer steps in an epoch."""
        return len(self.train) // self.spec.batch_size

    def train_epoch(self, replica: Replica, on_step: Callable[[int], None] | None = None) -> float:
        """Take one optimizer step per batch of train.

        Parameters
        ----------
        replica
        on_step
            Called after each step with the number of steps so far.

        Returns
        -------
        float
            The train loss: under ``compat: qlib`` that of an extra pass over train, otherwise the mean over the
            steps, each before its update.
        """
        replica.model.train()
        total = torch.zeros((), dtype=self.train_labels.dtype, device=self.device)
        steps = 0
        with replica.stream.active():
            for positions in self._training_order(replica):
                total += self._step(replica, positions.to(self.device))
                steps += 1
                if on_step is not None:
                    on_step(steps)
        if self.spec.compat == "qlib":
            return self._qlib_loss(replica, self.train, self.train_labels, shuffle=True)[0]
        return float(total) / steps if steps else math.nan

    def score_valid(self, replica: Replica) -> tuple[float, Tensor]:
        """Return the mean loss over valid, and its scores ``[S]`` in the samples' order.

        Under ``compat: qlib`` the mean is over the means of whole batches.
        """
        if self.spec.compat == "qlib":
            return self._qlib_loss(replica, self.valid, self.valid_labels, shuffle=False)
        scores = predict(replica.model, self.valid)
        return float(mean_squared_error(scores, self.valid_labels)), scores

    def _training_order(self, replica: Replica) -> Iterator[Tensor]:
        samples, batch_size = len(self.train), self.spec.batch_size
        if self.spec.compat == "none":
            return shuffled(samples, batch_size)
        if self.spec.is_time_series:
            return shuffled_as_loader(samples, batch_size)
        return shuffled_as_numpy(samples, batch_size, replica.stream.numpy)

    def _step(self, replica: Replica, positions: Tensor) -> Tensor:
        """One optimizer step on a batch; return its mean loss."""
        labels = self.train_labels[positions]
        replica.optimizer.zero_grad()
        loss = mean_squared_error(replica.model(self.train.gather(positions)), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        parameters = list(replica.model.parameters())
        if self.spec.clip_grad_value is not None:
            nn.utils.clip_grad_value_(parameters, self.spec.clip_grad_value)
        if self.spec.clip_grad_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.spec.clip_grad_norm)
        replica.optimizer.step()
        return loss.detach()

    def _qlib_loss(
        self, replica: Replica, samples: ResidentSamples, labels: Tensor, *, shuffle: bool
    ) -> tuple[float, Tensor]:
        """Qlib's loss of a pass: the mean of batch means, its tail dropped. On ``TSDatasetH`` a loader draws."""
        scores = predict(replica.model, samples)
        with replica.stream.active():
            if self.spec.is_time_series:
                order = shuffled_as_loader(len(samples), self.spec.batch_size, shuffle=shuffle)
            else:
                order = in_sequence(len(samples), self.spec.batch_size, drop_last=True)
            return batch_mean_loss(scores, labels, order), scores


def _optimizer(name: str, model: nn.Module, spec: ReplicaSpec) -> torch.optim.Optimizer:
    if name == "adam":
        return torch.optim.Adam(model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
    if name == "adamw":
        return torch.optim.AdamW(model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
    return torch.optim.SGD(model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay)
