"""One optimizer step of K members on a device, from positions to new weights, without waiting for the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lstm_bench.model.contract import MemberSpec, TrainingInputs
from lstm_bench.model.loss.sample import error_grads, error_losses, errors
from lstm_bench.model.paths.cuda.layers import Dropout, forward, gradients
from lstm_bench.model.paths.cuda.optimizer import PackOptimizer
from lstm_bench.model.paths.cuda.weights import PackWeights
from lstm_bench.model.precision import matrix_precision

__all__ = ["TrainingStep"]

_WARM_UPS = 2


class TrainingStep:
    """The step, replayed as a CUDA graph on CUDA devices.

    It trains K members of the pack; ``weights`` and ``optimizer`` are theirs.

    Attributes
    ----------
    losses : ``[K]`` float64, the sum of the steps' mean losses since it was last set to zero
    """

    def __init__(
        self,
        inputs: TrainingInputs,
        members: Sequence[MemberSpec],
        weights: PackWeights,
        optimizer: PackOptimizer,
    ) -> None:
        spec, device = inputs.spec, inputs.samples.device
        K = len(members)
        self.weights = weights
        self.optimizer = optimizer
        self.losses = torch.zeros(K, dtype=torch.float64, device=device)
        self._inputs = inputs
        self._grads = weights.like()
        self._positions = torch.zeros((K, spec.batch_size), dtype=torch.int64, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        # keys of Philox, 64 bits: the seed in the lower half, step and layer in the upper half
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
        """Continue another step, of more members; ``rows`` are those of this step's members."""
        if self._drops:
            self._seeds.copy_(other._seeds[:, list(rows)])

    def take(self, positions: Tensor, rates: Tensor) -> None:
        """Queue a step on samples ``[K, B]`` with learning rates ``[K]``, without waiting for the device."""
        self._positions.copy_(positions, non_blocking=True)
        self.optimizer.set_rates(rates)
        if self._inputs.samples.device.type != "cuda":
            self._run()
            return
        if self._graph is None:
            self._graph = self._capture()
        self._graph.replay()

    def _run(self) -> None:
        spec, inputs = self._inputs.spec, self._inputs
        K, B = self._positions.shape
        windows = inputs.samples.gather(self._positions.flatten())  # [K * B, L, F]
        windows = windows.view(K, B, *windows.shape[1:]).transpose(1, 2).contiguous()  # [K, L, B, F]
        labels = inputs.labels[self._positions]
        counts = (~labels.isnan()).sum(dim=1, keepdim=True).clamp(min=1)
        dropout = Dropout(self._seeds, self._probabilities) if self._drops else None
        with matrix_precision(spec.precision):
            scores, tapes = forward(self.weights, windows, spec.num_layers, dropout, spec.precision)
            missed = errors(scores, labels)
            losses, grads = error_losses(missed, spec.loss), error_grads(missed, spec.loss)
            if inputs.weights is not None:
                sample_weights = inputs.weights[self._positions]
                losses, grads = sample_weights * losses, sample_weights * grads
            gradients(self.weights, tapes, grads * (1 / counts), dropout, spec.precision, into=self._grads)
        self.losses += losses.sum(dim=1) / counts[:, 0]
        self.optimizer.step(self._grads.rows)
        self._seeds += (spec.num_layers - 1) << 32

    def release(self) -> None:
        """Free the memory of a step's activations; the next step records the graph again."""
        if self._graph is not None:
            torch.cuda.synchronize(self._inputs.samples.device)
            self._graph = None
            torch.cuda.empty_cache()

    def _capture(self) -> torch.cuda.CUDAGraph:
        """Record the step as a graph, after warm-up steps that compile the kernels and are undone."""
        device = self._inputs.samples.device
        state = [self.weights.rows, self.losses, self._seeds, *self.optimizer.state()]
        kept = [values.clone() for values in state]
        # torch's default stream for captures belongs to the device that captured first
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._run()
            for values, before in zip(state, kept, strict=True):
                values.copy_(before)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):  # it first frees the memory of the warm-up
            self._run()
        return graph
