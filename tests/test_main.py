"""Ctrl-C while a command is still being imported: exit code 130, and no output."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lstm_bench.__main__ import main

# begins the command line, and raises SIGINT when a module is looked for
PROGRAM = """
import os, signal, sys
module = sys.argv.pop()
class Finder:
    def find_spec(self, name, path, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from lstm_bench.__main__ import main
sys.argv[0] = "lstm-bench"
main()
"""


def interrupted_at(module: str, *arguments: str, handler: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments, module],
        capture_output=True, text=True, check=False, preexec_fn=lambda: signal.signal(signal.SIGINT, handler),
    )  # fmt: skip


@pytest.mark.parametrize(
    "module", ["lstm_bench.cli.app", "typer", "lstm_bench.cli.study", "lstm_bench.cli.tune"]
)
def test_ctrl_c_while_it_is_imported(module: str) -> None:
    done = interrupted_at(module, "--help", handler=signal.SIG_DFL)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.parametrize("module", ["lstm_bench.config.workflow", "lstm_bench.report.leaderboard.tables"])
def test_ctrl_c_while_a_command_imports(module: str) -> None:
    done = interrupted_at(module, "leaderboard", handler=signal.SIG_DFL)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr in ("", "interrupted; no partial result is kept\n")


def test_in_the_background_it_is_ignored() -> None:
    done = interrupted_at("typer", "--version", handler=signal.SIG_IGN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("lstm-bench ")


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param("raise", id="while typer lays the commands out"),
        pytest.param(
            "raise TypeError('no model') from error", id="wrapped as pydantic does while it makes a model"
        ),
    ],
)
def test_ctrl_c_where_typer_does_not_see_it(outcome: str) -> None:
    program = (
        "import os, signal, lstm_bench.cli.app as cli\n"
        "def interrupted():\n"
        "    try:\n        os.kill(os.getpid(), signal.SIGINT)\n"
        f"    except KeyboardInterrupt as error:\n        {outcome}\n"
        "cli.app = interrupted\ncli.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        pytest.param(
            "    class Last:\n        def __del__(self):\n"
            "            os.kill(os.getpid(), signal.SIGINT)\n            len([])\n"
            "    last = Last()\n    del last\n    time.sleep(5)\n    print('went on')\n",
            "",
            id="where an object ends, which swallows it",
        ),
        pytest.param(
            "    atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))\n    print('done', flush=True)\n",
            "done\n",
            id="after the command",
        ),
    ],
)
def test_ctrl_c_where_no_exception_goes_up(command: str, printed: str) -> None:
    program = (
        "import atexit, os, signal, time, lstm_bench.cli.app as cli\n"
        f"def command():\n{command}"
        "cli.app = command\nfrom lstm_bench.__main__ import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, printed, "")


def test_the_console_begins_here() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"]["lstm-bench"] == f"{main.__module__}:main"
