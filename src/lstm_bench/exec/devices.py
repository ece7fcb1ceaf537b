"""The devices that a study may use, and their slots: a slot holds one job at a time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lstm_bench.core.errors import DeviceError

__all__ = ["Device", "Slot", "SlotTable", "discover"]

_CHOICES = "choices: auto, cpu, mps, cuda, cuda:0,1"
_MOST_SLOTS_PER_ACCELERATOR = 8
_USABLE_MEMORY = 0.9


@dataclass(frozen=True)
class Device:
    """A device.

    Attributes
    ----------
    name : as users name it, ``cuda:0``
    opens : what a worker opens, as torch names it
    memory_bytes : its memory in all
    most_slots : slots that are worth having at the most
    """

    name: str
    opens: str
    memory_bytes: int
    most_slots: int


@dataclass(frozen=True)
class Slot:
    """A share of a device."""

    device: Device
    index: int

    @property
    def name(self) -> str:
        """Device and number, ``cuda:0/1``."""
        return f"{self.device.name}/{self.index}"


class SlotTable:
    """Which slots there are, and which are taken.

    Parameters
    ----------
    devices
    slots_per_device
        None to begin with one and to add others as soon as a job has shown how much memory it takes.
    """

    def __init__(self, devices: Sequence[Device], slots_per_device: int | None) -> None:
        self.devices = tuple(devices)
        self._automatic = slots_per_device is None
        self._width = {device.name: slots_per_device or 1 for device in devices}
        self._most = {device.name: slots_per_device or device.most_slots for device in devices}
        self._peak = {device.name: 0 for device in devices}
        self._crowd: dict[Slot, int] = {}
        self._taken: set[Slot] = set()

    @property
    def slots(self) -> list[Slot]:
        """All slots, the first ones of all devices before the second ones."""
        widest = max(self._width.values())
        return [
            Slot(device, index)
            for index in range(widest)
            for device in self.devices
            if index < self._width[device.name]
        ]

    @property
    def free(self) -> list[Slot]:
        """Slots that can be taken; a device that was narrowed has none until enough of its slots are released."""
        held = Counter(slot.device.name for slot in self._taken)
        found = []
        for slot in self.slots:
            name = slot.device.name
            if slot not in self._taken and held[name] < self._width[name]:
                held[name] += 1
                found.append(slot)
        return found

    def take(self, slot: Slot) -> None:
        """Mark a slot as held.

        Raises
        ------
        ValueError
            Where it is held already.
        """
        if slot in self._taken:
            raise ValueError(f"slot {slot.name} is held already")
        self._taken.add(slot)
        self._crowd[slot] = self._width[slot.device.name]

    def release(self, slot: Slot) -> None:
        """Mark a slot as free again."""
        self._taken.remove(slot)

    def measured(self, slot: Slot, peak_bytes: int) -> None:
        """Learn what a job took at its peak; under ``auto`` the device's slots follow."""
        name = slot.device.name
        self._peak[name] = max(self._peak[name], peak_bytes)
        if self._automatic and self._peak[name]:
            fitting = int(_USABLE_MEMORY * slot.device.memory_bytes / self._peak[name])
            self._width[name] = max(1, min(self._most[name], fitting))
            for held in self._taken:
                if held.device.name == name:
                    self._crowd[held] = max(self._crowd[held], self._width[name])

    def narrow(self, slot: Slot) -> bool:
        """Give a device fewer slots for good, a job having run out of memory.

        Jobs that ran out together narrow it by one: the others have not been tried on what is left.

        Parameters
        ----------
        slot
            Where the job was; it may have been released.

        Returns
        -------
        bool
            False where the job had the device to itself.
        """
        name = slot.device.name
        if self._crowd[slot] == 1:
            return False
        self._width[name] = min(self._width[name], self._crowd[slot] - 1)
        self._most[name] = self._width[name]
        return True


def discover(demand: str) -> tuple[Device, ...]:
    """Find the devices of this machine.

    Parameters
    ----------
    demand
        ``auto``: all CUDA devices, or else the CPU. ``cpu``, ``mps``, ``cuda`` (all) or ``cuda:0,1``: these.

    Raises
    ------
    DeviceError
        Where one is not there.
    """
    if demand == "cpu":
        return (_cpu(),)
    import torch

    count = torch.cuda.device_count()
    if demand == "auto":
        return tuple(_cuda(index) for index in range(count)) or (_cpu(),)
    if demand == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError(f"--devices: got 'mps', but this machine has no Metal device; {_CHOICES}")
        return (Device("mps", "mps", _system_memory(), 1),)
    kind, _, indices = demand.partition(":")
    wanted = [text.strip().removeprefix("cuda:") for text in indices.split(",")] if indices else []
    if kind != "cuda" or not all(text.isdigit() for text in wanted):
        raise DeviceError(f"--devices: got {demand!r}; {_CHOICES}")
    chosen = [int(text) for text in wanted] or list(range(count))
    if not chosen or max(chosen) >= count:
        there = f"CUDA devices 0 to {count - 1}" if count else "no CUDA device"
        raise DeviceError(f"--devices: got {demand!r}, but this machine has {there}; {_CHOICES}")
    if len(set(chosen)) < len(chosen):
        raise DeviceError(f"--devices: got {demand!r}, which names a device twice")
    return tuple(_cuda(index) for index in chosen)


def _cpu() -> Device:
    return Device("cpu", "cpu", _system_memory(), usable_cores())


def _cuda(index: int) -> Device:
    import torch

    memory = torch.cuda.get_device_properties(index).total_memory
    return Device(f"cuda:{index}", f"cuda:{index}", int(memory), _MOST_SLOTS_PER_ACCELERATOR)


def _system_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total)


def usable_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
