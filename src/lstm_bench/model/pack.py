"""A pack: K seeds of one configuration that train together on one device, over the same resident samples."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lstm_bench.core.counting import counted
from lstm_bench.dataset.dataset import SampleSet
from lstm_bench.model.allocator import keep_freed_memory
from lstm_bench.model.contract import MemberSpec, OnStep, PackSpec, PathChoice, TrainingInputs
from lstm_bench.model.loss.day import comparable_days, mean_day_loss
from lstm_bench.model.loss.sample import batch_mean_loss, mean_loss
from lstm_bench.model.random_stream import RandomStream
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.sample_order import (
    days_per_batch,
    in_sequence,
    shuffled,
    shuffled_as_loader,
    shuffled_as_numpy,
    shuffled_days,
)
from lstm_bench.model.select import choose_path, open_path
from lstm_bench.model.threads import one_thread

__all__ = ["Pack"]

logger = logging.getLogger("lstm_bench")


class Pack:
    """Members over the same samples, on one device.

    Parameters
    ----------
    choice : the training path; None for :func:`~lstm_bench.model.select.choose_path`
    weights : ``[S]``, of the training samples in the loss; None for ones. Validation is never weighted, as in Qlib.

    Attributes
    ----------
    choice : the training path, and the reason for the choice
    path : trains and scores the members
    base_rates : ``[K]`` float64, learning rates before any schedule
    """

    def __init__(
        self,
        spec: PackSpec,
        members: Sequence[MemberSpec],
        train: SampleSet,
        valid: SampleSet,
        device: torch.device,
        choice: PathChoice | None = None,
        weights: npt.NDArray[Any] | None = None,
    ) -> None:
        if device.type == "cpu":
            keep_freed_memory()
        self.spec = spec
        self.train = ResidentSamples.place(train, device)
        self.valid = ResidentSamples.place(valid, device)
        # Qlib's loss on TSDatasetH has the labels' precision (CSRankNorm makes them float64); elsewhere it is float32.
        keeps_float64 = spec.compat == "qlib" and spec.is_time_series and device.type != "mps"
        labels = [torch.from_numpy(samples.labels) for samples in (train, valid)]
        self.train_labels, self.valid_labels = (
            (label if keeps_float64 else label.float()).to(device) for label in labels
        )
        sample_weights = None
        if weights is not None:
            sample_weights = torch.from_numpy(weights)
            sample_weights = (sample_weights if keeps_float64 else sample_weights.float()).to(device)
        self.base_rates = torch.tensor([member.lr for member in members], dtype=torch.float64)
        self._days: list[Tensor] = []  # positions of each day's samples, if batches hold whole days
        if spec.loss.is_by_day:
            self._days = comparable_days(labels[0], torch.from_numpy(train.days))
        self.streams = [RandomStream(member.seed, device) for member in members]
        models = []
        for member, stream in zip(members, self.streams, strict=True):
            with (
                stream.in_use()
            ):  # weights are drawn on the CPU, so that a seed yields the same model on every device
                models.append(spec.make_model(member.dropout))
        self.choice = choice or choose_path(spec, device)
        inputs = TrainingInputs(
            spec, members, models, self.streams, self.train, self.train_labels, sample_weights
        )
        self.path = open_path(self.choice, inputs)
        if spec.loss.is_by_day:
            days = counted(self.days_per_batch, "whole day")
            logger.info("loss %s: batches of %s, %d an epoch", spec.loss.name, days, self.steps)

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        if self.spec.loss.is_by_day:
            return len(self._days) // self.days_per_batch
        return len(self.train) // self.spec.batch_size

    @property
    def days_per_batch(self) -> int:
        """Days of a batch of whole days, so that it has about ``batch_size`` samples."""
        return days_per_batch(self._days, self.spec.batch_size)

    def train_epoch(
        self, active: Sequence[int], rates: Tensor | None = None, on_step: OnStep = None
    ) -> list[float]:
        """Take one optimizer step per batch of train.

        The ``rates`` ``[K, steps]`` of the K active members are float64; ``base_rates`` by default. Returns train
        losses: under ``compat: qlib`` those of an extra pass over train, otherwise the mean over the steps, each
        before its update.
        """
        if rates is None:
            rates = self.base_rates[list(active), None].expand(-1, self.steps)
        losses: list[float] = self.path.learn(active, self._training_orders(active), rates, on_step).tolist()
        if self.spec.compat == "qlib":
            scores = self.path.score(active, self.train)
            return self._qlib_losses(active, scores, self.train_labels, shuffle=True)
        return losses

    def score_valid(self, active: Sequence[int]) -> tuple[list[float], Tensor]:
        """Return K mean losses over valid, and the scores ``[K, S]`` in the samples' order.

        Under ``compat: qlib`` the mean is over the means of whole batches.
        """
        scores = self.path.score(active, self.valid)
        if self.spec.compat == "qlib":
            return self._qlib_losses(active, scores, self.valid_labels, shuffle=False), scores
        with one_thread():
            return [float(self._valid_loss(row)) for row in scores], scores

    def _valid_loss(self, scores: Tensor) -> Tensor:
        if self.spec.loss.is_by_day:
            return mean_day_loss(scores, self.valid_labels, self.valid.days, self.spec.loss)
        return mean_loss(scores, self.valid_labels, self.spec.loss)

    def _training_orders(self, active: Sequence[int]) -> Tensor:
        """Draw the orders ``[K, steps, B]`` of an epoch, each from its member's stream."""
        if not self.spec.loss.is_by_day:
            return torch.stack([self._training_order(member) for member in active])
        batches: list[Tensor] = []
        for member in active:
            with self.streams[member].in_use():
                batches += shuffled_days(self._days, self.days_per_batch)
        return pad_sequence(batches, batch_first=True, padding_value=-1).view(len(active), self.steps, -1)

    def _training_order(self, member: int) -> Tensor:
        """Draw the order ``[steps, B]`` of an epoch from the member's stream."""
        samples, batch_size, stream = len(self.train), self.spec.batch_size, self.streams[member]
        with stream.in_use():
            if self.spec.compat == "none":
                batches = list(shuffled(samples, batch_size))
            elif self.spec.is_time_series:
                batches = list(shuffled_as_loader(samples, batch_size))
            else:
                batches = list(shuffled_as_numpy(samples, batch_size, stream.numpy))
        return torch.stack(batches) if batches else torch.empty((0, batch_size), dtype=torch.int64)

    def _qlib_losses(
        self, active: Sequence[int], scores: Tensor, labels: Tensor, *, shuffle: bool
    ) -> list[float]:
        """Qlib's loss of a pass: the mean of whole batches' means. On ``TSDatasetH`` a loader draws numbers."""
        losses = []
        for member, row in zip(active, scores, strict=True):
            with self.streams[member].in_use():
                if self.spec.is_time_series:
                    order = shuffled_as_loader(len(row), self.spec.batch_size, shuffle=shuffle)
                else:
                    order = in_sequence(len(row), self.spec.batch_size, drop_last=True)
                losses.append(batch_mean_loss(row, labels, order, self.spec.loss))
        return losses
