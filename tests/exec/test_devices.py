from __future__ import annotations

import pytest
import torch

from lstm_bench.core.errors import DeviceError
from lstm_bench.exec.devices import Device, Slot, SlotTable, discover

GIB = 2**30
TWO = [Device("cuda:0", "cuda:0", 10 * GIB, 8), Device("cuda:1", "cuda:1", 10 * GIB, 8)]


def names(slots: list[Slot]) -> list[str]:
    return [slot.name for slot in slots]


def test_the_processor_is_one_device() -> None:
    (cpu,) = discover("cpu")
    assert (cpu.name, cpu.opens) == ("cpu", "cpu")
    assert cpu.most_slots >= 1
    assert cpu.memory_bytes > GIB


@pytest.mark.parametrize(
    ("demand", "words"),
    [
        ("gpu", "got 'gpu'; choices: auto, cpu, mps, cuda, cuda:0,1"),
        ("cuda:x", "got 'cuda:x'; choices"),
        ("cuda:7", "got 'cuda:7', but this machine has CUDA devices 0 to 1; choices"),
        ("cuda:1,1", "names a device twice"),
    ],
)
def test_what_is_not_there_is_refused(demand: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(DeviceError, match="--devices") as caught:
        discover(demand)
    assert words in str(caught.value)


def test_a_machine_without_cuda_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DeviceError, match="has no CUDA device; choices"):
        discover("cuda")
    assert [device.name for device in discover("auto")] == ["cpu"]


def test_cuda_devices_are_found_in_the_order_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Properties:
        total_memory = 7 * GIB

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _index: Properties)
    assert [device.name for device in discover("cuda:2,0")] == ["cuda:2", "cuda:0"]
    assert [device.name for device in discover("cuda:2,cuda:3")] == ["cuda:2", "cuda:3"]
    for demand in ("auto", "cuda"):
        assert [device.opens for device in discover(demand)] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]
    assert discover("cuda:1")[0].memory_bytes == 7 * GIB


def test_devices_are_filled_breadth_first() -> None:
    assert names(SlotTable(TWO, 2).slots) == ["cuda:0/0", "cuda:1/0", "cuda:0/1", "cuda:1/1"]


def test_a_slot_is_held_once() -> None:
    table = SlotTable(TWO, 1)
    first = table.free[0]
    table.take(first)
    assert names(table.free) == ["cuda:1/0"]
    with pytest.raises(ValueError, match="cuda:0/0 is held already"):
        table.take(first)
    table.release(first)
    assert names(table.free) == ["cuda:0/0", "cuda:1/0"]
    with pytest.raises(KeyError):
        table.release(first)


def test_auto_begins_with_one_and_packs_what_fits() -> None:
    table = SlotTable(TWO, None)
    assert len(table.slots) == 2
    table.measured(table.slots[0], 2 * GIB)  # 90 % of 10 GiB holds four
    assert [slot.index for slot in table.slots if slot.device is TWO[0]] == [0, 1, 2, 3]
    assert [slot.index for slot in table.slots if slot.device is TWO[1]] == [0]
    table.measured(table.slots[0], GIB)  # a smaller trial does not tell that the largest got smaller
    assert len(table.slots) == 5
    table.measured(table.slots[0], 4 * GIB)
    assert len(table.slots) == 3
    table.measured(table.slots[0], 40 * GIB)
    assert len(table.slots) == 2


def test_auto_keeps_to_what_is_worth_having() -> None:
    table = SlotTable([Device("cpu", "cpu", 100 * GIB, 2)], None)
    table.measured(table.slots[0], 1)
    assert len(table.slots) == 2


def test_a_number_that_is_given_stays() -> None:
    table = SlotTable(TWO[:1], 3)
    table.measured(table.slots[0], 9 * GIB)
    assert len(table.slots) == 3


@pytest.mark.parametrize("given", [None, 4])
def test_a_device_that_was_too_narrow_stays_narrow(given: int | None) -> None:
    table = SlotTable(TWO[:1], given)
    table.measured(table.slots[0], 2 * GIB)
    slot = table.slots[3]
    table.take(slot)
    table.release(slot)
    table.narrow(slot)
    assert len(table.slots) == 3
    table.measured(table.slots[0], GIB // 8)
    assert len(table.slots) == 3


def test_a_job_that_had_the_device_to_itself_has_no_narrower_packing() -> None:
    table = SlotTable(TWO[:1], 1)
    (slot,) = table.slots
    table.take(slot)
    table.release(slot)
    assert not table.was_shared(slot)


def test_jobs_that_ran_out_of_memory_together_are_all_tried_on_less() -> None:
    table = SlotTable(TWO[:1], 2)
    both = table.slots
    for slot in both:
        table.take(slot)
    table.release(both[0])
    assert table.was_shared(both[0])
    table.narrow(both[0])
    assert table.free == []  # the other one is still held
    table.release(both[1])
    assert table.was_shared(both[1])
    table.narrow(both[1])
    assert names(table.free) == ["cuda:0/0"]
    table.take(both[0])
    table.release(both[0])
    assert not table.was_shared(both[0])


def test_a_job_that_others_joined_was_not_alone() -> None:
    table = SlotTable(TWO[:1], None)
    slot = table.slots[0]
    table.take(slot)
    table.measured(slot, GIB)
    table.release(slot)
    assert len(table.slots) == 8
    assert table.was_shared(slot)
    table.narrow(slot)
    assert len(table.slots) == 7
