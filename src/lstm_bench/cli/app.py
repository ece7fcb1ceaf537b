"""The command ``lstm-bench``: its commands, and how errors become messages and exit codes."""

from __future__ import annotations

import logging
import re
import signal
import sys
from types import FrameType
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from lstm_bench.cli import (
    baselines,
    bench,
    cache,
    compare,
    controls,
    dashboard,
    data,
    doctor,
    evaluate,
    features,
    init,
    leaderboard,
    predict,
    report,
    run,
    runs,
    study,
    tune,
)
from lstm_bench.core.errors import INTERRUPTED, LstmBenchError, RunError

__all__ = ["app", "main"]

_PLAIN = (
    (r"Value error, ", ""),
    (r"Input should be a valid integer\b.*", "expected a whole number"),
    (r"Input should be a valid number\b.*", "expected a number"),
    (r"Input should be greater than or equal to (\S+)", r"expected \1 or more"),
    (r"Input should be less than or equal to (\S+)", r"expected \1 or less"),
    (r"Input should be (greater|less) than (\S+)", r"expected a value \1 than \2"),
    (r"Input should be ", "expected "),
)
"""Pattern of a pydantic message -> the message shown instead."""


class PlainGroup(TyperGroup):
    """A command group that rewords refusals of an option's value."""

    def invoke(self, ctx: Any) -> Any:
        """Parse the arguments and call the command."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            for pattern, words in _PLAIN:
                error.message = re.sub(pattern, words, error.message, flags=re.DOTALL)
            raise


app = typer.Typer(
    name="lstm-bench",
    cls=PlainGroup,
    help="Benchmark LSTM models on Qlib's Alpha158 and Alpha360 feature sets.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(data.app, name="data")
app.add_typer(features.app, name="features")
app.command(name="init")(init.init)
app.command(name="run")(run.run)
app.add_typer(runs.app, name="runs")
app.command(name="predict")(predict.predict)
app.add_typer(study.app, name="study")
app.command(name="tune")(tune.tune)
app.command(name="bench")(bench.bench)
app.command(name="evaluate")(evaluate.evaluate)
app.command(name="baselines")(baselines.baselines)
app.command(name="leaderboard")(leaderboard.leaderboard)
app.command(name="compare")(compare.compare)
app.command(name="controls")(controls.controls)
app.command(name="report")(report.report)
app.command(name="dashboard")(dashboard.dashboard)
app.add_typer(cache.app, name="cache")
app.command(name="doctor")(doctor.doctor)


_debug = False
_interrupted = False


def _print_version(is_requested: bool) -> None:
    if is_requested:
        from lstm_bench.core.version import __version__

        typer.echo(f"lstm-bench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log warnings only.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    global _debug  # main() reads it
    _debug = debug
    handler = _StderrHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"))
    logger = logging.getLogger("lstm_bench")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.WARNING if quiet else logging.INFO)


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to the current sys.stderr, so that log lines appear above a live view."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _interrupted  # pydantic may wrap the KeyboardInterrupt in its own error
    _interrupted = True
    signal.default_int_handler(number, frame)


def main() -> None:
    """Run the command line; exit with 0, 1 (a check found something), 2 (bad input), 3 or 130 (Ctrl-C)."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except KeyboardInterrupt:  # before typer handles it
        sys.exit(INTERRUPTED)
    except SystemExit as done:
        if done.code == INTERRUPTED and _interrupted:
            typer.echo("interrupted; no partial result is kept", err=True)
        raise
    except Exception as error:
        if _interrupted:
            sys.exit(INTERRUPTED)
        if _debug:
            raise
        if isinstance(error, LstmBenchError):
            typer.echo(f"error: {error}", err=True)
            sys.exit(error.exit_code)
        # a bug, a full disk, no memory
        typer.echo(
            f"error: {type(error).__name__}: {error} (lstm-bench --debug ... shows the traceback)", err=True
        )
        sys.exit(RunError.exit_code)
