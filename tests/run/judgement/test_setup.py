"""Findings about a configuration and its data before training."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.workflow import RunConfig, load_workflow
from lstm_bench.core.errors import ConfigError, DataError, InputError
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.run.judgement.finding import Finding, log_findings
from lstm_bench.run.judgement.setup import judge_setup

Configure = Callable[..., RunConfig]


def judged(config: RunConfig) -> list[Finding]:
    return list(judge_setup(config, Provider(config.qlib_init.provider_uri)))


def fields(config: RunConfig) -> list[str]:
    return [finding.field for finding in judged(config)]


@pytest.mark.parametrize("features", ["alpha158", "alpha360"])
@pytest.mark.parametrize("compat", ["qlib", "none"])
def test_nothing_is_said_of_an_ordinary_run(configure: Configure, features: str, compat: str) -> None:
    assert judged(configure(f"lstm_bench.compat={compat}", features=features)) == []


def test_nothing_is_said_of_the_demonstration(tmp_path: Path) -> None:
    synthesize(tmp_path / "market")
    path = ready_folder("configs") / "demo.yaml"
    assert judged(load_workflow(path, {"qlib_init.provider_uri": str(tmp_path / "market")})) == []


def days_of(config: RunConfig) -> list[str]:
    return [str(day) for day in Provider(config.qlib_init.provider_uri).calendar]


def codes_of(config: RunConfig) -> list[str]:
    """Stocks that have bars on all days."""
    spans = Provider(config.qlib_init.provider_uri).universe("csi300").spans
    days = days_of(config)
    return [
        code for code, ((first, last), *_) in spans.items() if (str(first), str(last)) == (days[0], days[-1])
    ]


TOPK, N_DROP = "strategy.kwargs.topk", "strategy.kwargs.n_drop"
SEGMENTS = "task.dataset.kwargs.segments"


@pytest.mark.parametrize(
    ("override", "field", "text"),
    [
        (f"portfolio.{TOPK}=500", TOPK, "got 500, expected fewer than the stocks of 'csi300', which has 1"),
        (f"portfolio.{N_DROP}=5", N_DROP, "got 5, expected fewer than topk, 5"),
        (f"portfolio.{N_DROP}=9", N_DROP, "got 9, expected fewer than topk, 5"),
        ("task.model.kwargs.lr=1e9", "task.model.kwargs.lr", "got 1e+09, expected at most 0.1 with adam"),
        ("task.model.kwargs.lr=0.5", "task.model.kwargs.lr", "got 0.5, expected at most 0.1 with adam"),
        ("task.dataset.kwargs.step_len=310", "step_len", "got 310, but 100% of the samples of segment 'train'"),
        ("task.dataset.kwargs.step_len=150", "step_len", "have fewer days of history"),
        ("lstm_bench.training.permute_labels=true", "lstm_bench.training.permute_labels", "this is a control"),
        ("data_handler_config.label=['$close/Ref($close, 1) - 1']", "label $close/Ref($close, 1) - 1",
         "does not look ahead, so that it is known on its day: $close/Ref($close, 1) - 1"),
        ("data_handler_config.label=['$close']", "label $close", "does not look ahead"),
        ("qlib_init.region=us", "exchange_kwargs.limit_threshold", "got 0.095, which is China's, expected none"),
        ("qlib_init.region=tw", "exchange_kwargs.limit_threshold", "got 0.095, which is China's, expected 0.1"),
        ("qlib_init.region=us", "exchange_kwargs.open_cost, close_cost, min_cost", "got 0.0005, 0.0015, 5, which"),
        ("qlib_init.region=tw", "qlib_init.region", "got 'tw', but "),
    ],
)  # fmt: skip
def test_what_makes_figures_meaningless_is_said(
    configure: Configure, override: str, field: str, text: str
) -> None:
    found = {finding.field: finding for finding in judged(configure(override))}
    assert text in found[field].text
    assert found[field].refusal is None


def test_each_market_has_its_own_rules(configure: Configure) -> None:
    own = ["qlib_init.region=us", "portfolio.backtest.exchange_kwargs.limit_threshold=null",
           "portfolio.backtest.exchange_kwargs.open_cost=0.0002",
           "portfolio.backtest.exchange_kwargs.close_cost=0.0002"]  # fmt: skip
    assert fields(configure(*own)) == ["qlib_init.region"]  # the stocks stay China's
    lots = configure(*own, "portfolio.backtest.exchange_kwargs.trade_unit=100")
    assert "exchange_kwargs.trade_unit" in fields(lots)


@pytest.mark.parametrize(("stocks", "text"), [
    (1, "no more than one stock on a day of segment 'test'"),
    (2, "2 stocks on a usual day of segment 'test', expected 5 or more: .* \\+1 or -1"),
    (4, "4 stocks on a usual day of segment 'test', expected 5 or more"),
])  # fmt: skip
def test_a_universe_of_few_stocks_is_said(configure: Configure, stocks: int, text: str) -> None:
    listed = codes_of(configure())[:stocks]
    config = configure(
        f"data_handler_config.instruments=[{', '.join(listed)}]", "task.model.kwargs.batch_size=8"
    )
    with pytest.raises(ConfigError, match=text):
        raise ConfigError("; ".join(map(str, judged(config))))
    assert not any(finding.refusal for finding in judged(config))


def test_one_stock_without_a_backtest_gives_no_figure(configure: Configure) -> None:
    alone = f"data_handler_config.instruments=[{codes_of(configure())[0]}]"
    config = configure(alone, "task.model.kwargs.batch_size=8", "task.record=[]")
    with pytest.raises(
        ConfigError,
        match=r"instruments: the list of instruments has no more than one stock .* no figure is left",
    ):
        log_findings(judged(config))


def test_topk_is_compared_with_the_fewest_stocks_of_a_day(configure: Configure, market_copy: Path) -> None:
    path = market_copy / "instruments" / "csi300.txt"
    days = days_of(configure())
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    kept = {code: position for position, code in enumerate(dict.fromkeys(line[0] for line in lines))}
    spans = [
        f"{code}\t{days[0]}\t{days[260] if position >= 5 else days[-1]}" for code, position in kept.items()
    ]
    path.write_text("\n".join(spans) + "\n")
    (found,) = judged(configure(provider=market_copy))
    assert found.field == TOPK
    assert f"on 58 of 69 days of segment 'test' all are held, whatever their scores ('csi300' has 5 on {days[261]})" \
        in found.text  # fmt: skip


def test_a_backtest_is_compared_with_the_scores(configure: Configure) -> None:
    days = days_of(configure())
    field = "backtest.start_time..end_time"
    one = configure(f"{SEGMENTS}.test=[{days[250]}, {days[250]}]")
    assert fields(one) == ["segments.test", field]
    assert "68 of them have no score of the day before" in str(judged(one)[1])
    early = configure(f"portfolio.backtest.start_time={days[200]}")
    assert fields(early) == [field]
    assert "got 1 trading day, " in str(judged(one)[0])
    short = configure(f"portfolio.backtest.end_time={days[270]}")
    assert "has 21 of the 69 trading days of segment 'test'" in str(*judged(short))
    for unset in ("start_time", "end_time"):
        assert judged(configure(f"portfolio.backtest.{unset}=null")) == []


@pytest.mark.parametrize(
    ("name", "first", "last"), [("valid", 200, 205), ("test", 251, 260), ("train", 190, 199)]
)
def test_a_segment_of_few_days_is_said(configure: Configure, name: str, first: int, last: int) -> None:
    days = days_of(configure())
    fit = [f"data_handler_config.fit_start_time={days[first]}"] if name == "train" else []
    config = configure(
        f"{SEGMENTS}.{name}=[{days[first]}, {days[last]}]", "task.model.kwargs.batch_size=50", *fit
    )
    found = {finding.field: finding.text for finding in judged(config)}
    assert f"got {last - first + 1} trading days, {days[first]}..{days[last]}, expected 20 or more" in found[
        f"segments.{name}"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("override", "error", "text"),
    [
        ("task.dataset.kwargs.step_len=2000", ConfigError, "step_len: got 2000, expected at most 320, the trading"),
        ("task.model.kwargs.batch_size=100000", ConfigError, "batch_size: got 100000, but segment 'train' has only"),
    ],
)  # fmt: skip
def test_what_gives_no_figure_is_refused(
    configure: Configure, override: str, error: type[InputError], text: str
) -> None:
    with pytest.raises(error, match=text):
        log_findings(judged(configure(override)))


@pytest.mark.parametrize(("name", "last"), [("valid", 190), ("test", 240)])
def test_a_universe_that_is_empty_in_a_segment_is_refused(
    configure: Configure, market_copy: Path, name: str, last: int
) -> None:
    path, days = market_copy / "instruments" / "csi300.txt", days_of(configure())
    codes = sorted({line.split("\t")[0] for line in path.read_text().splitlines()})
    path.write_text("".join(f"{code}\t{days[0]}\t{days[last]}\n" for code in codes))
    with pytest.raises(DataError, match=f"'csi300' has no stock with bars in segment '{name}'"):
        log_findings(judged(configure(provider=market_copy)))


def test_own_stocks_under_chinas_rules_are_said(configure: Configure, market_copy: Path) -> None:
    for folder in (market_copy / "features").iterdir():
        folder.rename(folder.with_name(folder.name.replace("sh60", "tk").replace("sz00", "tz")))
    for path in (market_copy / "instruments").glob("*.txt"):
        path.write_text(path.read_text().replace("SH60", "TK").replace("SZ00", "TZ"))
    (found,) = judged(configure(provider=market_copy))
    assert (found.field, found.text[:8]) == ("qlib_init.region", "got 'cn'")


def test_findings_are_said_once_and_refusals_last(caplog: pytest.LogCaptureFixture) -> None:
    findings = [Finding("b", "no", ConfigError), Finding("a", "hm"), Finding("a", "hm"), Finding("c", "hm")]
    with caplog.at_level(logging.WARNING), pytest.raises(ConfigError, match=r"^b: no$"):
        log_findings(findings)
    assert [record.getMessage() for record in caplog.records] == ["a: hm", "c: hm"]
    assert log_findings([]) == []
