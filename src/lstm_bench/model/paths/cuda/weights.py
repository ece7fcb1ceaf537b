"""The weights of K members in one array, a row per member."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from lstm_bench.model.lstm import LSTM

__all__ = ["PackWeights", "layout"]

Shapes = dict[str, torch.Size]


def layout(model: LSTM) -> Shapes:
    """Return names and shapes of a model's parameters in the order of a row: layer by layer, both biases last."""
    return {name: value.shape for name, value in model.state_dict().items()}


class PackWeights:
    """Rows of weights, or of gradients: ``[K, P]`` float32, contiguous, in the :func:`layout` ``shapes``."""

    def __init__(self, shapes: Shapes, rows: Tensor) -> None:
        self.shapes = shapes
        self.rows = rows
        sizes = [shape.numel() for shape in shapes.values()]
        parts = torch.split(rows, sizes, dim=1)
        self._views = {
            name: part.view(len(rows), *shape)
            for (name, shape), part in zip(shapes.items(), parts, strict=True)
        }

    @classmethod
    def of(cls, models: Sequence[LSTM], device: torch.device) -> PackWeights:
        """Copy models' weights to a device."""
        rows = [torch.cat([value.flatten() for value in model.state_dict().values()]) for model in models]
        return cls(layout(models[0]), torch.stack(rows).to(device))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Tensor:
        """Return the view ``[K, ...]`` of a parameter."""
        view: Tensor = self._views[name]
        return view

    def like(self) -> PackWeights:
        """Return zeros of the same shape."""
        return PackWeights(self.shapes, torch.zeros_like(self.rows))

    def select(self, rows: Iterable[int]) -> PackWeights:
        """Copy some of the rows."""
        return PackWeights(self.shapes, self.rows[list(rows)].contiguous())

    def state(self, row: int) -> dict[str, Tensor]:
        """Copy a row to the CPU, under the parameters' names."""
        return {name: view[row].cpu().clone() for name, view in self._views.items()}
