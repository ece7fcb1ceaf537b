"""The parts of the controls, and the size of their trainings."""

from __future__ import annotations

from typing import Literal, get_args

__all__ = ["EPOCHS", "PARTS", "PERMUTATIONS", "ControlPart"]

ControlPart = Literal["permuted", "oracle", "look-ahead", "conventions", "capacity"]

PARTS: tuple[ControlPart, ...] = get_args(ControlPart)

EPOCHS = 2
"""Epochs of the controls' own trainings. An oracle is found in one or two, and permuted labels teach nothing in any."""

PERMUTATIONS = 5
"""Seeds of the control with permuted labels, each with its own permutation."""
