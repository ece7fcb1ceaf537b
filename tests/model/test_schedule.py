"""Schedules against torch's, step by step."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import SGD, Optimizer, lr_scheduler

from lstm_bench.model.schedule import Schedule, ScheduleSpec

LR, EPOCHS, STEPS = 0.1, 12, 7


def rates(spec: ScheduleSpec, valid: list[float] | None = None) -> np.ndarray[Any, Any]:
    """Rates ``[epochs, steps]``, given the validation loss of each epoch."""
    schedule, found = Schedule(spec, EPOCHS, STEPS), []
    for epoch in range(EPOCHS):
        found.append(LR * schedule.factors(epoch))
        schedule.note(epoch, 1.0 if valid is None else valid[epoch])
    return np.stack(found)


def torchs(make: Callable[[Optimizer], Any], steps: int, metrics: list[float] | None = None) -> list[float]:
    optimizer = SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler, found = make(optimizer), []
    for step in range(steps):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of what its own schedulers do
            scheduler.step() if metrics is None else scheduler.step(metrics[step])
    return found


def test_constant_is_lr_itself() -> None:
    assert (rates(ScheduleSpec()) == LR).all()


def test_cosine_is_torchs() -> None:
    expected = torchs(
        lambda own: lr_scheduler.CosineAnnealingLR(own, EPOCHS * STEPS, eta_min=0.1 * LR), EPOCHS * STEPS
    )
    np.testing.assert_allclose(rates(ScheduleSpec("cosine", min_factor=0.1)).ravel(), expected, rtol=1e-9)


def test_step_is_torchs_by_epoch() -> None:
    expected = torchs(lambda own: lr_scheduler.StepLR(own, 5, 0.3), EPOCHS)
    given = rates(ScheduleSpec("step", step_epochs=5, decay=0.3))
    np.testing.assert_allclose(given, np.tile(np.asarray(expected)[:, None], STEPS), rtol=1e-9)


@given(
    st.lists(st.floats(0.5, 1.5), min_size=EPOCHS, max_size=EPOCHS),
    st.integers(0, 3),
    st.sampled_from([0.0, 0.2]),
)
def test_plateau_is_torchs_by_epoch(valid: list[float], patience: int, least: float) -> None:
    expected = torchs(
        lambda own: lr_scheduler.ReduceLROnPlateau(
            own, factor=0.5, patience=patience, min_lr=least * LR, eps=0
        ),
        EPOCHS,
        valid,
    )
    given = rates(ScheduleSpec("plateau", decay=0.5, patience=patience, min_factor=least), valid)
    np.testing.assert_allclose(given[:, 0], expected, rtol=1e-9)
    assert (given == given[:, :1]).all()


def test_a_loss_that_is_no_number_is_no_improvement() -> None:
    given = rates(ScheduleSpec("plateau", decay=0.5, patience=0), [1.0, math.nan, 0.9] + [0.5] * 9)
    assert given[:4, 0].tolist() == [LR, LR, LR / 2, LR / 2]


def test_one_cycle_is_torchs() -> None:
    def make(own: Optimizer) -> Any:
        return lr_scheduler.OneCycleLR(own, LR, total_steps=EPOCHS * STEPS, cycle_momentum=False)

    expected = torchs(make, EPOCHS * STEPS - 1)
    np.testing.assert_allclose(rates(ScheduleSpec("one_cycle")).ravel()[:-1], expected, rtol=1e-9)
    assert rates(ScheduleSpec("one_cycle")).ravel()[-1] == pytest.approx(LR / 25e4)


def test_one_cycle_rises_as_long_as_the_warmup() -> None:
    given = rates(ScheduleSpec("one_cycle", warmup_epochs=4)).ravel()
    assert given.argmax() == 4 * STEPS - 1
    assert given.max() == pytest.approx(LR)


@pytest.mark.parametrize("epochs", [1, 2])
def test_one_cycle_of_few_steps_stays_within_its_bounds(epochs: int) -> None:
    for steps in (1, 2):
        schedule = Schedule(ScheduleSpec("one_cycle"), epochs, steps)
        given = np.concatenate([schedule.factors(epoch) for epoch in range(epochs)])
        assert ((given > 0) & (given <= 1)).all()


def test_warmup_is_torchs_and_puts_the_rest_off() -> None:
    warm = 3 * STEPS
    expected = torchs(lambda own: lr_scheduler.LinearLR(own, 1 / warm, 1.0, warm - 1), warm)
    for name in ("constant", "cosine", "step", "plateau"):
        given = rates(ScheduleSpec(name, warmup_epochs=3, step_epochs=2, patience=0))
        np.testing.assert_allclose(given[:3].ravel(), expected, rtol=1e-9)
        assert given[3, 0] == pytest.approx(LR)
    shorter = Schedule(ScheduleSpec("cosine"), EPOCHS - 3, STEPS)
    given = rates(ScheduleSpec("cosine", warmup_epochs=3))
    np.testing.assert_allclose(given[5], LR * shorter.factors(2))
    assert rates(ScheduleSpec("step", warmup_epochs=3, step_epochs=2))[5:7, 0].tolist() == [LR / 2, LR / 2]
    # a validation loss within the warm-up is not part of a plateau
    given = rates(ScheduleSpec("plateau", warmup_epochs=3, patience=1), [0.1, *[1.0] * (EPOCHS - 1)])
    assert given[3:7, 0].tolist() == [LR, LR, LR, LR / 2]
