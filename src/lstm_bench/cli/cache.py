"""``lstm-bench cache``: show or empty the cache of datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from lstm_bench.cli.options import Json
from lstm_bench.cli.output import print_items, print_json
from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    from lstm_bench.dataset.array_store import EntryInfo

__all__ = ["app"]

app = typer.Typer(help="Show or empty the cache of datasets.", no_args_is_help=True)


@app.command()
def info(as_json: Json = False) -> None:
    """Show the datasets in the cache: size, last use, features and data of each."""
    from lstm_bench.dataset.array_store import ArrayStore

    store = ArrayStore()
    entries = [_describe(entry) for entry in store.info()]
    used = sum(entry["bytes"] for entry in entries)
    if as_json:
        print_json(
            {"folder": str(store.folder), "bytes": used, "max_bytes": store.max_bytes, "entries": entries}
        )
        return
    typer.echo(f"{store.folder}\n{used / 1e6:,.0f} MB of at most {store.max_bytes / 1e6:,.0f} MB\n")
    if not entries:
        typer.echo("no dataset yet: `lstm-bench tune` and `lstm-bench bench` keep the datasets they build")
        return
    print_items(
        "Datasets, most recently used first",
        [
            ("key", lambda entry: entry["key"][:12]),
            ("features", lambda entry: entry["handler"] or "?"),
            ("segments", lambda entry: ", ".join(f"{k} {a}..{b}" for k, (a, b) in entry["segments"].items())),
            ("data", lambda entry: (entry["data_fingerprint"] or "?")[:12]),
            ("MB", lambda entry: f"{entry['bytes'] / 1e6:,.0f}"),
            ("last used", lambda entry: entry["last_used"]),
            ("in use", lambda entry: "yes" if entry["in_use"] else "no"),
        ],
        entries,
    )


@app.command()
def clear(as_json: Json = False) -> None:
    """Free the cache's disk space: remove all datasets that no process has open."""
    from lstm_bench.dataset.array_store import ArrayStore

    store = ArrayStore()
    removed = [_describe(entry) for entry in store.clear()]
    remaining = len(store.info())
    freed = sum(entry["bytes"] for entry in removed)
    if as_json:
        print_json({"folder": str(store.folder), "removed": removed, "freed_bytes": freed, "kept": remaining})
        return
    in_use = f"; {remaining} are in use and stay" if remaining else ""
    typer.echo(f"{store.folder}: removed {counted(len(removed), 'dataset')}, {freed / 1e6:,.0f} MB{in_use}")


def _describe(entry: EntryInfo) -> dict[str, Any]:
    """Return an entry as plain data; a damaged entry has no identity."""
    identity = entry.content.get("identity", {})
    return {
        "key": entry.key,
        "handler": identity.get("handler", {}).get("class"),
        "segments": identity.get("segments", {}),
        "data_fingerprint": identity.get("data"),
        "bytes": entry.bytes,
        "last_used": entry.used.isoformat(timespec="seconds"),
        "in_use": entry.in_use,
    }
