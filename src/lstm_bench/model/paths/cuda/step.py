"""One optimizer step of K members on a device, from positions to new weights, without waiting for it once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lstm_bench.model.contract import MemberSpec, PackSpec
from lstm_bench.model.loss.sample import error_losses, error_slopes, errors
from lstm_bench.model.paths.cuda.layers import Dropout, forward, gradients
from lstm_bench.model.paths.cuda.optimizer import PackOptimizer
from lstm_bench.model.paths.cuda.weights import PackWeights
from lstm_bench.model.precision import matrix_precision
from lstm_bench.model.resident import ResidentSamples

__all__ = ["TrainingStep"]

_WARM_UPS = 2


class TrainingStep:
    """The step, replayed as a CUDA graph where there is CUDA.

    Parameters
    ----------
    spec
    members
        K of them.
    weights, optimizer
        Theirs.
    samples, labels
        Of train, on the device.
    sample_weights : ``[S]``
        Theirs in the loss; None for ones.

    Attributes
    ----------
    losses : ``[K]`` float64, the sum of the steps' mean losses since it was last set to zero
    """

    def __init__(
        self,
        spec: PackSpec,
        members: Sequence[MemberSpec],
        weights: PackWeights,
        optimizer: PackOptimizer,
        samples: ResidentSamples,
        labels: Tensor,
        sample_weights: Tensor | None = None,
    ) -> None:
        K, device = len(members), samples.device
        self.spec = spec
        self.weights = weights
        self.optimizer = optimizer
        self.losses = torch.zeros(K, dtype=torch.float64, device=device)
        self._samples = samples
        self._labels = labels
        self._sample_weights = sample_weights
        self._gradients = weights.like()
        self._positions = torch.zeros((K, spec.batch_size), dtype=torch.int64, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        # Philox takes 64 bits as its key: the seed in the lower half, the step and the layer in the upper one
        self._seeds = torch.tensor(
            [[member.seed + (layer << 32) for member in members] for layer in range(spec.num_layers - 1)],
            dtype=torch.int64,
            device=device,
        )
        self._probabilities = torch.tensor(
            [member.dropout for member in members], dtype=torch.float32, device=device
        )
        self._drops = spec.num_layers > 1 and any(member.dropout for member in members)

    def follow(self, other: TrainingStep, rows: Sequence[int]) -> None:
        """Go on where another step stood that had more members; ``rows`` are those that stay."""
        if self._drops:
            self._seeds.copy_(other._seeds[:, list(rows)])

    def take(self, positions: Tensor, rates: Tensor) -> None:
        """Take a step on samples ``[K, B]`` with learning rates ``[K]``; returns at once, the device works on."""
        self._positions.copy_(positions, non_blocking=True)
        self.optimizer.set_rates(rates)
        if self._samples.device.type != "cuda":
            self._work()
            return
        if self._graph is None:
            self._graph = self._capture()
        self._graph.replay()

    def _work(self) -> None:
        spec = self.spec
        K, B = self._positions.shape
        windows = self._samples.gather(self._positions.flatten())  # [K * B, L, F]
        windows = windows.view(K, B, *windows.shape[1:]).transpose(1, 2).contiguous()  # [K, L, B, F]
        labels = self._labels[self._positions]
        counts = (~labels.isnan()).sum(dim=1, keepdim=True).clamp(min=1)
        dropout = Dropout(self._seeds, self._probabilities) if self._drops else None
        with matrix_precision(spec.precision):
            scores, tapes = forward(self.weights, windows, spec.num_layers, dropout, spec.precision)
            missed = errors(scores, labels)
            losses, slopes = error_losses(missed, spec.loss), error_slopes(missed, spec.loss)
            if self._sample_weights is not None:
                own = self._sample_weights[self._positions]
                losses, slopes = own * losses, own * slopes
            gradients(
                self.weights, tapes, slopes * (1 / counts), dropout, spec.precision, into=self._gradients
            )
        self.losses += losses.sum(dim=1) / counts[:, 0]
        self.optimizer.step(self._gradients.rows)
        self._seeds += (spec.num_layers - 1) << 32

    def release(self) -> None:
        """Give the memory of a step's activations back; the next step records the graph again."""
        if self._graph is not None:
            torch.cuda.synchronize(self._samples.device)
            self._graph = None
            torch.cuda.empty_cache()

    def _capture(self) -> torch.cuda.CUDAGraph:
        """Record the step. Kernels are compiled by steps that are taken before and undone."""
        device = self._samples.device
        state = [self.weights.rows, self.losses, self._seeds, *self.optimizer.state()]
        kept = [values.clone() for values in state]
        # a stream of the device's own: torch's default for captures belongs to the device that came first
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._work()
            for values, before in zip(state, kept, strict=True):
                values.copy_(before)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):  # which first returns what the warm-up has left
            self._work()
        return graph
