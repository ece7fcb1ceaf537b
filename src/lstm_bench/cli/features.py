"""``lstm-bench features``: list, show and check feature sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lstm_bench.cli.options import Json
from lstm_bench.cli.output import print_items, print_json
from lstm_bench.core.counting import counted
from lstm_bench.core.errors import CheckError, ConfigError

if TYPE_CHECKING:
    from lstm_bench.config.feature_set import FeatureSet
    from lstm_bench.dataset.feature_check import ColumnValues, Finding

__all__ = ["app"]

app = typer.Typer(help="List, show and check feature sets, Qlib's and your own.", no_args_is_help=True)

_FOLDER = Path("features")


@app.command(name="list")
def list_sets(
    files: Annotated[list[Path] | None, typer.Argument(help="More feature-set files to list.")] = None,
    as_json: Json = False,
) -> None:
    """List feature sets: Qlib's, those in features/, and the files named."""
    from lstm_bench.config.feature_set import KNOWN_SETS, load_feature_set

    files_to_list = [*sorted(_FOLDER.glob("*.yaml")), *(files or [])]
    sets = [("Qlib's", known) for known in KNOWN_SETS.values()]
    sets += [(str(path), load_feature_set(path)) for path in dict.fromkeys(files_to_list)]
    if as_json:
        rows = [
            {"name": one.name, "columns": len(one.columns), "labels": list(one.labels or ()), "where": where}
            for where, one in sets
        ]
        print_json({"sets": rows})
        return
    print_items(
        "Feature sets",
        [
            ("set", lambda found: found[1].name),
            ("columns", lambda found: str(len(found[1].columns))),
            ("labels", lambda found: ", ".join(found[1].labels or ()) or "the handler's"),
            ("where", lambda found: found[0]),
        ],
        sets,
    )


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="SET", help="Alpha158, Alpha360, a feature-set file or a workflow file.")
    ],
    as_qlib: Annotated[
        bool, typer.Option("--qlib", help="Print the handler's data_loader for Qlib, as YAML.")
    ] = False,
    match: Annotated[
        str | None,
        typer.Option(
            help="Only columns whose name matches, such as 'RSQR*'.", metavar="PATTERN", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show a set's columns: names, expressions, fields, and how many days each looks back."""
    features = _find(name)
    if as_qlib and as_json:
        raise ConfigError("--qlib and --json: give one of them")
    if as_qlib and match is not None:
        raise ConfigError("--qlib and --match: give one of them; a loader has all columns")
    if as_qlib:
        _print_qlib(features)
        return
    columns = {
        group: _describe(group, texts, match)
        for group, texts in (("feature", features.columns), ("label", features.labels or {}))
    }
    if not any(columns.values()):
        raise ConfigError(
            f"--match: no column of {features.name} matches {match!r}; * stands for any letters"
        )
    if as_json:
        print_json({"name": features.name, "features": columns["feature"], "labels": columns["label"]})
        return
    for group, rows in columns.items():
        if rows:
            print_items(
                f"{features.name}: {len(rows)} {group}{'s' * (len(rows) > 1)}",
                [
                    ("column", lambda row: row["name"]),
                    ("expression", lambda row: row["expression"]),
                    ("fields", lambda row: ", ".join(row["fields"])),
                    ("days back", lambda row: "all" if row["days_back"] is None else str(row["days_back"])),
                    ("days ahead", lambda row: str(row["days_ahead"])),
                ],
                rows,
            )


@app.command()
def check(
    name: Annotated[
        str, typer.Argument(metavar="FILE", help="A feature-set file, a workflow file or a set.")
    ],
    provider_uri: Annotated[
        str | None, typer.Option(help="A Qlib data folder, to check fields and values as well.")
    ] = None,
    market: Annotated[str, typer.Option(help="Market whose rows are checked.")] = "all",
    start: Annotated[str | None, typer.Option(help="First day of the rows; by default the data's.")] = None,
    end: Annotated[str | None, typer.Option(help="Last day of the rows; by default the data's.")] = None,
    as_json: Json = False,
) -> None:
    """Find the faults of a feature set: errors, leaks, unknown fields, duplicates and, with data, unusable values.

    Exits with 1 if anything is wrong.
    """
    from lstm_bench.data.provider import Provider
    from lstm_bench.dataset.feature_check import check_texts, check_values

    features = _find(name)
    provider = None if provider_uri is None else Provider(provider_uri)
    findings = check_texts(features, None if provider is None else provider.fields)
    values: list[ColumnValues] = []
    if provider is not None:
        values = check_values(features, provider, market, start, end)
        findings += [finding for column in values for finding in column.findings()]
    if as_json:
        print_json(
            {
                "name": features.name,
                "columns": len(features.columns),
                "labels": len(features.labels or ()),
                "findings": [asdict(finding) for finding in findings],
                "values": [asdict(column) for column in values],
            }
        )
    else:
        _print_check(features, findings, values)
    wrong = sum(finding.is_wrong for finding in findings)
    if wrong:
        raise CheckError(f"{name}: {counted(wrong, 'thing')} {'is' if wrong == 1 else 'are'} wrong")


def _find(name: str) -> FeatureSet:
    """Return the set of that name or file, or the columns of a workflow file."""
    from lstm_bench.config.feature_set import find_feature_set
    from lstm_bench.config.workflow import load_workflow
    from lstm_bench.config.yaml import read_yaml

    path = Path(name)
    if path.is_file() and "task" in read_yaml(path).content:
        return load_workflow(path).columns
    return find_feature_set(name)


def _describe(group: str, texts: dict[str, str], pattern: str | None) -> list[dict[str, Any]]:
    """Return the columns with matching names as plain data."""
    from lstm_bench.dataset.feature_check import looks_back
    from lstm_bench.features.expression import parse_columns

    matching = {name: text for name, text in texts.items() if pattern is None or fnmatchcase(name, pattern)}
    return [
        {
            "name": name,
            "expression": expression.text,
            "fields": list(expression.fields),
            "days_back": looks_back(expression),
            "days_ahead": expression.ahead,
        }
        for name, expression in parse_columns(matching, group).items()
    ]


def _print_qlib(features: FeatureSet) -> None:
    """Print the section that a workflow file for Qlib has under ``handler.kwargs``."""
    from lstm_bench.config.sections.handler import DEFAULT_LABEL
    from lstm_bench.config.yaml import dump_yaml

    groups = {"feature": features.columns, "label": features.labels or dict(DEFAULT_LABEL)}
    config = {group: [list(texts.values()), list(texts)] for group, texts in groups.items()}
    loader = {
        "class": "QlibDataLoader",
        "module_path": "qlib.data.dataset.loader",
        "kwargs": {"config": config},
    }
    typer.echo(dump_yaml({"data_loader": loader}), nl=False)


def _print_check(features: FeatureSet, findings: Sequence[Finding], values: Sequence[ColumnValues]) -> None:
    if values:
        print_items(
            f"{features.name}: values on {counted(values[0].rows, 'row')}",
            [
                ("column", lambda values: values.column),
                ("group", lambda values: values.group),
                ("NaN", lambda values: f"{values.nan_share:.2%}"),
                ("infinite", lambda values: f"{values.infinite_share:.2%}"),
                ("constant", lambda values: "yes" if values.is_constant else ""),
            ],
            values,
        )
    for finding in findings:
        mark = "" if finding.is_wrong else "note: "
        typer.echo(f"{mark}{finding.group} {finding.column}: {finding.text}")
    if not findings:
        count = len(features.columns) + len(features.labels or ())
        typer.echo(f"{features.name}: {counted(count, 'expression')}, nothing wrong")
