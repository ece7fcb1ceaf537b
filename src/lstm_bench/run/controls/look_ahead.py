"""The control of look-ahead: features must not change with later bars, and a planted leak must be flagged."""

from __future__ import annotations

from lstm_bench.config.workflow import ResolvedRun
from lstm_bench.core.counting import counted
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.dataset import Dataset
from lstm_bench.dataset.mutation import changed_features, changed_windows
from lstm_bench.run.controls.document import ControlRow

__all__ = ["look_ahead_control"]

_HONEST = {"YESTERDAY": "Ref($close, 1)/$close"}
_LEAK = {"TOMORROW": "Ref($close, -1)/$close"}


def look_ahead_control(config: ResolvedRun, provider: Provider, dataset: Dataset) -> ControlRow:
    """Change all bars after a day in the middle of test, and compare what is known on that day.

    The configuration's features and windows must stay the same. Of two planted features, one of yesterday's close
    and one of tomorrow's, only the latter must change.
    """
    test = dataset.segments["test"]
    cut = (test.begin + test.end) // 2
    handler = config.task.dataset.kwargs.handler
    planted = handler.with_columns({**_HONEST, **_LEAK})
    flagged = changed_features(planted, provider, cut, (*_HONEST, *_LEAK))
    leaks = changed_features(handler, provider, cut)
    changed, samples = changed_windows(dataset, provider, cut)
    of_planted = f"flags {', '.join(flagged)}" if flagged else "flags nothing planted"
    own = f"{counted(len(leaks), 'feature')} of its own" + (f" ({', '.join(leaks[:5])})" if leaks else "")
    return ControlRow(
        title="Planted look-ahead",
        expected="the mutation test flags the planted feature of tomorrow and nothing else",
        found=f"{of_planted}; {own}; {changed} of {counted(samples, 'window')}",
        passed=flagged == list(_LEAK) and not leaks and not changed,
        figures={"features": float(len(leaks)), "windows": float(changed)},
    )
