"""``lstm-bench cache``: look at the cache of datasets, or empty it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_bench.cli.output import print_json, print_table
from lstm_bench.core.counting import counted

if TYPE_CHECKING:
    from lstm_bench.dataset.array_store import EntryInfo

__all__ = ["app"]

app = typer.Typer(help="Look at the cache of datasets, or empty it.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def info(as_json: AsJson = False) -> None:
    """Show what is in the cache: size, last use, columns and data of each dataset."""
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
        typer.echo("no dataset yet: `lstm-bench tune` and `lstm-bench bench` keep those that they build")
        return
    print_table(
        "Datasets, the last used first",
        ["key", "features", "segments", "data", "MB", "last used", "in use"],
        [
            [
                entry["key"][:12],
                entry["handler"] or "?",
                ", ".join(f"{name} {span[0]}..{span[1]}" for name, span in entry["segments"].items()),
                (entry["data_fingerprint"] or "?")[:12],
                f"{entry['bytes'] / 1e6:,.0f}",
                entry["last_used"],
                "yes" if entry["in_use"] else "no",
            ]
            for entry in entries
        ],
    )


@app.command()
def clear(as_json: AsJson = False) -> None:
    """Remove all datasets that no process has open."""
    from lstm_bench.dataset.array_store import ArrayStore

    store = ArrayStore()
    removed = [_describe(entry) for entry in store.clear()]
    kept = len(store.info())
    freed = sum(entry["bytes"] for entry in removed)
    if as_json:
        print_json({"folder": str(store.folder), "removed": removed, "freed_bytes": freed, "kept": kept})
        return
    in_use = f"; {kept} are in use and stay" if kept else ""
    typer.echo(f"{store.folder}: removed {counted(len(removed), 'dataset')}, {freed / 1e6:,.0f} MB{in_use}")


def _describe(entry: EntryInfo) -> dict[str, Any]:
    """Say plainly what an entry is of; a damaged one does not know."""
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
