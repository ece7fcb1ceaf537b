"""Run the command line: as ``lstm-bench``, and as ``python -m lstm_bench``."""

import os
import signal
import sys
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
    sys.unraisablehook = _once_more
    try:
        run()
    finally:
        if usual is signal.default_int_handler:  # while the interpreter ends, nobody catches an exception
            signal.signal(signal.SIGINT, _leave)


def _once_more(unraisable: "sys.UnraisableHookArgs") -> None:
    """Interrupt again where Ctrl-C came in a place that swallows it, such as the end of an object's life."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        import _thread
        import threading

        again = threading.Timer(0.01, _thread.interrupt_main)  # at once it would be swallowed here, too
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(unraisable)


def _leave(*_: Any) -> NoReturn:
    """End at once where nothing is begun yet: an exception may be swallowed or wrapped by a module's import."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
