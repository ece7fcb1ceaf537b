"""``lstm-bench dashboard``: open Optuna's dashboard on a store."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated

import typer

from lstm_bench.cli.options import Storage
from lstm_bench.core.errors import ConfigError

__all__ = ["dashboard"]


def dashboard(
    storage: Storage = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8080,
) -> None:
    """Open optuna-dashboard on the store, until Ctrl-C."""
    from lstm_bench.tune.repository.store import open_store

    if find_spec("optuna_dashboard") is None:
        raise ConfigError("dashboard: optuna-dashboard is not installed; pip install 'lstm-bench[dashboard]'")
    store = open_store(storage)
    if not store.names():
        raise ConfigError(
            f"dashboard: {store.description} has no study yet; make one: {store.command('study', 'create')}"
        )
    typer.echo(f"{store.description} on http://{host}:{port}, until Ctrl-C")
    from optuna_dashboard import run_server

    try:
        run_server(store.storage, host=host, port=port)
    except OSError as error:
        raise ConfigError(f"dashboard: cannot listen on {host}:{port}: {error.strerror}") from error
