"""A pack: replicas of one shape on one device, over the same resident samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.allocator import keep_freed_memory
from lstm_bench.model.loss import batch_mean_loss, mean_squared_error
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.path import Choice, Start, choose_path, open_path
from lstm_bench.model.random_stream import RandomStream
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.sample_order import in_sequence, shuffled, shuffled_as_loader, shuffled_as_numpy
from lstm_bench.model.shards import alone
from lstm_bench.model.spec import PackSpec, ReplicaSpec

__all__ = ["Pack"]


class Pack:
    """Replicas over the same samples, on one device.

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
    choice
        How they train; None for the fastest way that is correct.

    Attributes
    ----------
    choice : how they train
    path : what trains and scores them
    """

    def __init__(
        self,
        spec: PackSpec,
        replicas: Sequence[ReplicaSpec],
        train: SampleSet,
        valid: SampleSet,
        device: torch.device,
        choice: Choice | None = None,
    ) -> None:
        if device.type == "cpu":
            keep_freed_memory()
        self.spec = spec
        self.train = ResidentSamples.place(train, device)
        self.valid = ResidentSamples.place(valid, device)
        # Qlib's loss on TSDatasetH has the labels' precision (CSRankNorm makes them float64); elsewhere it is float32.
        own_precision = spec.compat == "qlib" and spec.is_time_series and device.type != "mps"
        labels = [torch.from_numpy(samples.labels) for samples in (train, valid)]
        self.train_labels, self.valid_labels = (
            (label if own_precision else label.float()).to(device) for label in labels
        )
        self.streams = [RandomStream(replica.seed, device) for replica in replicas]
        models = []
        for replica, stream in zip(replicas, self.streams, strict=True):
            with stream.active():  # weights are drawn on the CPU: a seed means the same model everywhere
                models.append(LSTM(spec.d_feat, spec.hidden_size, spec.num_layers, replica.dropout))
        self.choice = choice or choose_path(spec, device)
        start = Start(spec, replicas, models, self.streams, self.train, self.train_labels)
        self.path = open_path(self.choice, start)

    def train_epoch(
        self, live: Sequence[int], on_step: Callable[[int, int], None] | None = None
    ) -> list[float]:
        """Take one optimizer step per batch of train.

        Parameters
        ----------
        live
            The replicas that do, K of them.
        on_step
            Called after each step with the number of steps so far and in all.

        Returns
        -------
        list of K float
            Train losses: under ``compat: qlib`` those of an extra pass over train, otherwise the mean over the
            steps, each before its update.
        """
        order = torch.stack([self._training_order(replica) for replica in live])
        losses: list[float] = self.path.learn(live, order, on_step).tolist()
        if self.spec.compat == "qlib":
            scores = self.path.score(live, self.train)
            return self._qlib_losses(live, scores, self.train_labels, shuffle=True)
        return losses

    def score_valid(self, live: Sequence[int]) -> tuple[list[float], Tensor]:
        """Return K mean losses over valid, and the scores ``[K, S]`` in the samples' order.

        Under ``compat: qlib`` the mean is over the means of whole batches.
        """
        scores = self.path.score(live, self.valid)
        if self.spec.compat == "qlib":
            return self._qlib_losses(live, scores, self.valid_labels, shuffle=False), scores
        with alone():
            return [float(mean_squared_error(own, self.valid_labels)) for own in scores], scores

    def _training_order(self, replica: int) -> Tensor:
        """Draw the order ``[steps, B]`` of an epoch from the replica's stream."""
        samples, batch_size, stream = len(self.train), self.spec.batch_size, self.streams[replica]
        with stream.active():
            if self.spec.compat == "none":
                batches = list(shuffled(samples, batch_size))
            elif self.spec.is_time_series:
                batches = list(shuffled_as_loader(samples, batch_size))
            else:
                batches = list(shuffled_as_numpy(samples, batch_size, stream.numpy))
        return torch.stack(batches) if batches else torch.empty((0, batch_size), dtype=torch.int64)

    def _qlib_losses(
        self, live: Sequence[int], scores: Tensor, labels: Tensor, *, shuffle: bool
    ) -> list[float]:
        """Qlib's loss of a pass: the mean of batch means, its tail dropped. On ``TSDatasetH`` a loader draws."""
        losses = []
        for replica, own in zip(live, scores, strict=True):
            with self.streams[replica].active():
                if self.spec.is_time_series:
                    order = shuffled_as_loader(len(own), self.spec.batch_size, shuffle=shuffle)
                else:
                    order = in_sequence(len(own), self.spec.batch_size, drop_last=True)
                losses.append(batch_mean_loss(own, labels, order))
        return losses
