"""Run the command line: as ``lstm-bench``, and as ``python -m lstm_bench``."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import time

from lstm_bench.core.errors import INTERRUPTED

TYPE_CHECKING = False  # as in typing, without its import

if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = ["main"]


def main() -> None:
    """Import the command line and run it; see :func:`lstm_bench.cli.app.main`. Ctrl-C works during the import."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # otherwise it is ignored, as in a background job
        signal.signal(signal.SIGINT, _exit_at_once)
    from lstm_bench.cli.app import main as run

    signal.signal(signal.SIGINT, handler)
    sys.unraisablehook = _interrupt_again
    try:
        run()
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # at once: threads may still use what a normal exit destroys
            _flush()
            os._exit(INTERRUPTED)
        raise
    finally:
        if handler is signal.default_int_handler:  # nothing catches an exception while the interpreter exits
            signal.signal(signal.SIGINT, _exit_at_once)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # the reader is gone
            continue


def _interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Interrupt again if Ctrl-C was swallowed, such as in an object's finalizer."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _thread.start_new_thread(_interrupt_soon, ())
    else:
        sys.__unraisablehook__(unraisable)


def _interrupt_soon() -> None:
    time.sleep(0.1)  # until the code that swallows it has returned
    os.kill(os.getpid(), signal.SIGINT)


def _exit_at_once(*_: Any) -> NoReturn:
    """Exit at once: during imports, an exception may be swallowed or wrapped."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
