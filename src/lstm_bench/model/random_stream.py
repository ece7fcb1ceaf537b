"""Random streams: each member draws the same numbers, whatever other draws occur in between.

``nn.LSTM`` draws initial weights and dropout masks from torch's *default* generators, and Qlib shuffles with them
(``TSDatasetH``) or with numpy's (``DatasetH``). A stream sets the state of torch's generators while its member
draws, and restores it afterwards. In place of numpy's, it has a generator of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

__all__ = ["RandomStream"]


class RandomStream:
    """The random state of one member.

    A seed gives the draws of ``torch.manual_seed`` and ``numpy.random.seed``, which are Qlib's. The stream has the
    generators of its device and of the CPU; all others are left alone.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._device = device
        self.numpy = np.random.RandomState(seed)  # Qlib's generator, draw for draw
        outside = self._states()
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        elif device.type == "mps":
            torch.mps.manual_seed(seed)
        self._own = self._states()
        self._restore(outside)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Use this stream for the default generators inside the block."""
        outside = self._states()
        self._restore(self._own)
        try:
            yield
        finally:
            self._own = self._states()
            self._restore(outside)

    def _states(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        if self._device.type == "cuda":
            return torch.get_rng_state(), torch.cuda.get_rng_state(self._device)
        if self._device.type == "mps":
            return torch.get_rng_state(), torch.mps.get_rng_state()
        return torch.get_rng_state(), None

    def _restore(self, states: tuple[torch.Tensor, torch.Tensor | None]) -> None:
        cpu, device = states
        torch.set_rng_state(cpu)
        if device is not None and self._device.type == "cuda":
            torch.cuda.set_rng_state(device, self._device)
        elif device is not None:
            torch.mps.set_rng_state(device)
