from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lstm_bench.model.paths.cpu.threads import shard_threads


@pytest.mark.parametrize("count", [1, 3])
def test_results_keep_the_items_order(threads: Callable[[int], None], count: int) -> None:
    threads(count)
    with shard_threads() as map_shards:
        assert map_shards(lambda a, b: a - b, range(20), range(1, 21)) == [-1] * 20
        assert map_shards(str, range(20)) == [str(item) for item in range(20)]


@pytest.mark.parametrize("count", [1, 3])
def test_what_a_shard_raises_is_raised(threads: Callable[[int], None], count: int) -> None:
    threads(count)
    with pytest.raises(ZeroDivisionError), shard_threads() as map_shards:
        map_shards(lambda item: 1 / item, [1, 0])
    assert torch.get_num_threads() == count


def test_everybody_computes_alone_meanwhile(threads: Callable[[int], None]) -> None:
    threads(3)
    with shard_threads() as map_shards:
        assert map_shards(lambda _: torch.get_num_threads(), range(12)) == [1] * 12
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
