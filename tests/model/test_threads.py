from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lstm_bench.model.threads import parallel_map


@pytest.mark.parametrize("count", [1, 3])
def test_results_keep_the_items_order(threads: Callable[[int], None], count: int) -> None:
    threads(count)
    with parallel_map() as map_items:
        assert map_items(lambda a, b: a - b, range(20), range(1, 21)) == [-1] * 20
        assert map_items(str, range(20)) == [str(item) for item in range(20)]


@pytest.mark.parametrize("count", [1, 3])
def test_errors_of_the_work_are_raised(threads: Callable[[int], None], count: int) -> None:
    threads(count)
    with pytest.raises(ZeroDivisionError), parallel_map() as map_items:
        map_items(lambda item: 1 / item, [1, 0])
    assert torch.get_num_threads() == count


def test_each_thread_computes_alone(threads: Callable[[int], None]) -> None:
    threads(3)
    with parallel_map() as map_items:
        assert map_items(lambda _: torch.get_num_threads(), range(12)) == [1] * 12
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
