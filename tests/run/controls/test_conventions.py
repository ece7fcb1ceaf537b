"""Conventions: figures against those of the record, and against plain formulas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lstm_bench.config.workflow import RunConfig
from lstm_bench.data.provider import Provider
from lstm_bench.evaluate.returns.risk import return_series
from lstm_bench.record.record import Record
from lstm_bench.run.controls.conventions import RecordedScores, Trading, conventions, figures_under

Configure = Callable[..., RunConfig]
FIELDS = ("close", "open", "volume", "change", "factor")


def names(config: RunConfig, fields: tuple[str, ...] = FIELDS) -> list[str]:
    return [one.name for one in conventions(config.resolved(), fields)]


def test_each_differs_from_the_own_in_one_respect(configure: Configure) -> None:
    under = conventions(configure().resolved(), FIELDS)
    own = under[0]
    assert [one.name for one in under] == [
        "own: summed, 238 days", "summed, 252 days", "compounded, 238 days", "compounded, 252 days",
        "deal price open", "limit rule off", "costs × 0", "costs × 2",
    ]  # fmt: skip
    assert [one.is_own for one in under] == [True] + [False] * 7
    plain = own.portfolio.model_dump(mode="json")
    for one in under[4:]:
        changed = one.portfolio.model_dump(mode="json")
        exchange = plain["backtest"].pop("exchange_kwargs"), changed["backtest"].pop("exchange_kwargs")
        assert plain == changed
        plain["backtest"]["exchange_kwargs"] = exchange[0]
        differing = {
            key for key in {*exchange[0], *exchange[1]} if exchange[0].get(key) != exchange[1].get(key)
        }
        expected = {
            "deal price open": {"deal_price"},
            "limit rule off": {"limit_threshold"},
        }.get(one.name, {"open_cost", "close_cost", "min_cost"})
        assert differing == expected


def test_what_the_configuration_has_decides_what_differs(configure: Configure) -> None:
    assert "deal price close" in names(configure("portfolio.backtest.exchange_kwargs.deal_price=open"))
    assert "deal price open" not in names(configure("portfolio.backtest.exchange_kwargs.deal_price=open"))
    assert not [name for name in names(configure(), ("close",)) if name.startswith("deal price")]
    us = configure("qlib_init.region=us", "portfolio.backtest.exchange_kwargs.limit_threshold=null")
    assert "limit rule on, 0.095" in names(us)
    assert names(configure("task.record=[]")) == []


def test_figures_follow_their_formulas(configure: Configure, recorded: Record) -> None:
    config = configure().resolved()
    trading = Trading(Provider(config.qlib_init.provider_uri))
    under = conventions(config, trading.fields)
    found = {one.name: figures for one, figures in figures_under(trading, RecordedScores.of(recorded), under)}
    metrics, report = recorded.metrics(), recorded.table("report")
    own = found["own: summed, 238 days"]
    for name, value in own.items():
        assert value == metrics[f"1day.excess_return_with_cost.{name}"]
    excess = return_series(report)["excess_return_with_cost"]
    assert found["summed, 252 days"]["annualized_return"] == pytest.approx(excess.mean() * 252)
    grown = np.prod(1 + excess) ** (238 / len(excess)) - 1
    assert found["compounded, 238 days"]["annualized_return"] == pytest.approx(grown)
    free, dear = (found[f"costs × {factor}"]["annualized_return"] for factor in (0, 2))
    assert free > own["annualized_return"] > dear
    assert found["deal price open"] != own


def test_quotes_are_read_once_per_set_of_fields(configure: Configure, recorded: Record) -> None:
    config = configure().resolved()
    trading = Trading(Provider(config.qlib_init.provider_uri))
    under = conventions(config, trading.fields)
    list(figures_under(trading, RecordedScores.of(recorded), under))
    assert len(trading._quotes) == 3  # as configured, with the open price, and without the change
