"""The names of the package, and what importing them costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import lstm_bench


def python(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_name_of_the_package_is_there() -> None:
    for name in lstm_bench.__all__:
        assert getattr(lstm_bench, name).__doc__ or name == "__version__"
    assert dir(lstm_bench) == sorted(lstm_bench.__all__)
    with pytest.raises(AttributeError, match="no attribute 'backtests'"):
        lstm_bench.backtests  # type: ignore[attr-defined]  # noqa: B018


def test_the_package_alone_imports_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'pandas', 'numba', 'pyarrow', 'pydantic'} & set(sys.modules)"
    assert python(f"import sys, lstm_bench\nlstm_bench.InputError\nprint({heavy})") == "set()\n"


def test_evaluation_does_without_torch() -> None:
    names = "from lstm_bench import backtest, compute_features, load_panel, load_workflow, signal_metrics"
    assert python(f"import sys\n{names}\nprint('torch' in sys.modules)") == "False\n"


def test_run_is_the_function_whatever_was_imported_before() -> None:
    before = "import lstm_bench.record.record\nfrom lstm_bench.run import runner\n"
    program = f"{before}import lstm_bench\nprint(lstm_bench.run.__name__, lstm_bench.run.__module__)"
    assert python(program) == "run lstm_bench.api.runs\n"
    after = "from lstm_bench import run\nimport lstm_bench.run.runner\nprint(run is lstm_bench.run)"
    assert python(after) == "True\n"
