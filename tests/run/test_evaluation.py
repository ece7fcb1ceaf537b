"""Evaluating a pack's scores together against one after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lstm_bench.config.workflow import RunConfig
from lstm_bench.data.provider import Provider
from lstm_bench.run.evaluation import evaluate_pack, evaluate_scores
from lstm_bench.run.preparation import prepare


@pytest.mark.parametrize("threads", [1, 3])
def test_together_is_one_by_one(configure: Callable[..., RunConfig], threads: int) -> None:
    config = configure().resolved()
    configs = [config.with_seed(seed) for seed in range(4)]
    prepared = prepare(config, Provider(config.qlib_init.provider_uri))
    dataset, test = prepared.dataset, prepared.test
    rng = np.random.default_rng(0)
    panels = [
        dataset.scores_to_panel(test, rng.standard_normal(len(test)).astype(np.float32)) for _ in configs
    ]
    rows = np.zeros(dataset.raw_label.shape, dtype=np.bool_)
    rows[test.days, test.instruments] = True
    span = slice(int(test.days.min()), int(test.days.max()) + 1)
    shared = (dataset.raw_label[span], rows[span], dataset.days[span], dataset.instruments)
    panels = [panel[span] for panel in panels]
    together = list(evaluate_pack(configs, prepared.market, panels, *shared, threads=threads))
    for own, panel, (given, seconds) in zip(configs, panels, together, strict=True):
        alone = evaluate_scores(own, prepared.market, panel, *shared)
        assert given.metrics == alone.metrics
        assert seconds > 0
        np.testing.assert_array_equal(given.signal.rank_ic, alone.signal.rank_ic)
        assert given.portfolio is not None
        assert alone.portfolio is not None
        for name, series in alone.portfolio.report.items():
            np.testing.assert_array_equal(given.portfolio.report[name], series)
    assert len({given.metrics["IC"] for given, _ in together}) == 4
