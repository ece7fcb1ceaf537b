"""Run the command line: as ``lstm-bench``, and as ``python -m lstm_bench``."""

import os
import signal
from typing import Any, NoReturn

from lstm_bench.errors import INTERRUPTED

__all__ = ["main"]


def main() -> None:
    """Import the command line, which takes a moment, and run it; see :func:`lstm_bench.cli.app.main`."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else it is ignored, as in a job in the background
        signal.signal(signal.SIGINT, _leave)
    from lstm_bench.cli.app import main as run

    signal.signal(signal.SIGINT, usual)
    run()


def _leave(*_: Any) -> NoReturn:
    """End at once where nothing is begun yet: an exception may be swallowed or wrapped by a module's import."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
