"""Run the command line: as ``lstm-bench``, and as ``python -m lstm_bench``."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time

from lstm_bench.core.errors import INTERRUPTED

TYPE_CHECKING = False  # typing's own, without its import

if TYPE_CHECKING:
    from typing import Any, NoReturn

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
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # at once: threads may still be at work on what would be taken down
            _flush()
            os._exit(INTERRUPTED)
        raise
    finally:
        if usual is signal.default_int_handler:  # while the interpreter ends, nobody catches an exception
            signal.signal(signal.SIGINT, _leave)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # nobody reads any more
            continue


def _once_more(unraisable: sys.UnraisableHookArgs) -> None:
    """Interrupt again where Ctrl-C came in a place that swallows it, such as the end of an object's life."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _thread.start_new_thread(_interrupt_soon, ())
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt_soon() -> None:
    time.sleep(0.1)  # until the place that swallows it is left
    os.kill(os.getpid(), signal.SIGINT)


def _leave(*_: Any) -> NoReturn:
    """End at once where nothing is begun yet: an exception may be swallowed or wrapped by a module's import."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
