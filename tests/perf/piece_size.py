"""How a training step's time depends on how many windows go through the network at once.

    python tests/perf/piece_size.py

A batch of 800 windows, two layers of 64, forward and backward, split into pieces whose gradients add up.
"""

from __future__ import annotations

import time

import torch

from lstm_bench.model.loss import mean_squared_error
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.predict import piece_size

BATCH = 800
PIECES = (50, 100, 200, 400, 800)


def milliseconds(
    model: LSTM, windows: torch.Tensor, labels: torch.Tensor, piece: int, repeats: int = 5
) -> float:
    """Best time of a step."""
    best = float("inf")
    for _ in range(repeats + 1):
        start = time.perf_counter()
        for x, y in zip(torch.split(windows, piece), torch.split(labels, piece), strict=True):
            (mean_squared_error(model(x), y) * (len(y) / BATCH)).backward()  # type: ignore[no-untyped-call]
        model.zero_grad()
        best = min(best, (time.perf_counter() - start) * 1e3)
    return best


def main() -> None:
    torch.manual_seed(0)
    print(f"{torch.get_num_threads()} threads; milliseconds a step of {BATCH} windows")
    print(f"{'window':>10}" + "".join(f"{piece:>9}" for piece in PIECES) + "   chosen")
    for step_len, features in ((20, 20), (60, 6)):
        model = LSTM(features, 64, 2, 0.0)
        windows, labels = torch.randn(BATCH, step_len, features), torch.randn(BATCH)
        row = "".join(f"{milliseconds(model, windows, labels, piece):9.1f}" for piece in PIECES)
        chosen = piece_size(torch.device("cpu"), BATCH, model, step_len)
        print(f"{step_len:>5} x {features:<2}{row}{chosen:>9}")


if __name__ == "__main__":
    main()
