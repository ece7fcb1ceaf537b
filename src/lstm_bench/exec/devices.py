"""The devices that jobs may use, and their slots: a slot holds one job at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lstm_bench.core.errors import DeviceError
from lstm_bench.features.host import processors

__all__ = ["Device", "Slot", "SlotTable", "discover"]

_CHOICES = "choices: auto, cpu, mps, cuda, cuda:0,1"
_MOST_SLOTS_PER_ACCELERATOR = 8
_USABLE_MEMORY = 0.9


@dataclass(frozen=True)
class Device:
    """A device.

    Attributes
    ----------
    name : as users write it, ``cuda:0``
    opens : torch's name, which a worker opens
    memory_bytes : its total memory
    most_slots : more slots than this are not useful
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
    """The slots of all devices, and which of them are taken.

    If ``slots_per_device`` is None, a device begins with one slot, and has others as soon as a job has shown how much
    memory it takes.
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
        """Free slots. A narrowed device has none until enough of its slots are released."""
        held = Counter(slot.device.name for slot in self._taken)
        found = []
        for slot in self.slots:
            name = slot.device.name
            if slot not in self._taken and held[name] < self._width[name]:
                held[name] += 1
                found.append(slot)
        return found

    def take(self, slot: Slot) -> None:
        """Mark a slot as held. Raises ``ValueError`` if it is held already."""
        if slot in self._taken:
            raise ValueError(f"slot {slot.name} is held already")
        self._taken.add(slot)
        self._crowd[slot] = self._width[slot.device.name]

    def release(self, slot: Slot) -> None:
        """Mark a slot as free again."""
        self._taken.remove(slot)

    def measured(self, slot: Slot, peak_bytes: int) -> None:
        """Record a job's peak memory; with ``slots_per_device=None`` the number of slots follows it."""
        name = slot.device.name
        self._peak[name] = max(self._peak[name], peak_bytes)
        if self._automatic and self._peak[name]:
            fitting = int(_USABLE_MEMORY * slot.device.memory_bytes / self._peak[name])
            self._width[name] = max(1, min(self._most[name], fitting))
            for held in self._taken:
                if held.device.name == name:
                    self._crowd[held] = max(self._crowd[held], self._width[name])

    def was_shared(self, slot: Slot) -> bool:
        """Whether the device had other slots while the last job held this one."""
        return self._crowd[slot] > 1

    def narrow(self, slot: Slot) -> None:
        """Give a device fewer slots for good, because a job on this slot ran out of memory.

        Jobs that ran out together narrow the device by one slot: no job has been tried on the remaining ones yet.
        """
        name = slot.device.name
        self._width[name] = max(1, min(self._width[name], self._crowd[slot] - 1))
        self._most[name] = self._width[name]


def discover(demand: str) -> tuple[Device, ...]:
    """Find the devices of this machine.

    Parameters
    ----------
    demand
        ``auto`` (all CUDA devices, or else the CPU), ``cpu``, ``mps``, ``cuda`` (all) or ``cuda:0,1``.

    Raises
    ------
    DeviceError
        If this machine lacks one of them.
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
    requested = [text.strip().removeprefix("cuda:") for text in indices.split(",")] if indices else []
    if kind != "cuda" or not all(text.isdigit() for text in requested):
        raise DeviceError(f"--devices: got {demand!r}; {_CHOICES}")
    chosen = [int(text) for text in requested] or list(range(count))
    if not chosen or max(chosen) >= count:
        existing = f"CUDA devices 0 to {count - 1}" if count else "no CUDA device"
        raise DeviceError(f"--devices: got {demand!r}, but this machine has {existing}; {_CHOICES}")
    if len(set(chosen)) < len(chosen):
        raise DeviceError(f"--devices: got {demand!r}, which names a device twice")
    return tuple(_cuda(index) for index in chosen)


def _cpu() -> Device:
    return Device("cpu", "cpu", _system_memory(), processors())


def _cuda(index: int) -> Device:
    import torch

    memory = torch.cuda.get_device_properties(index).total_memory
    return Device(f"cuda:{index}", f"cuda:{index}", int(memory), _MOST_SLOTS_PER_ACCELERATOR)


def _system_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total)
