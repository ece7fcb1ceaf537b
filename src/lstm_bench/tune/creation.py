"""Makes a study from a file, from a ready study, or from options over either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_bench.config.experiment import check_evidence_name
from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import StudyConfig, parse_study
from lstm_bench.config.workflow import load_workflow
from lstm_bench.config.yaml import dump_yaml, read_yaml
from lstm_bench.core.atomic import write_whole
from lstm_bench.core.errors import ConfigError, choices_hint, command_line
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.proportional import proportional
from lstm_bench.dataset.segments import misfits
from lstm_bench.tune.definition import Definition

__all__ = ["READY", "STUDIES", "StudyBuilder", "start_study"]

READY = ("alpha158", "alpha360")
"""The ready studies, one for each feature set."""

STUDIES = Path("studies")
"""Folder of study files, relative to the working folder."""


@dataclass
class StudyBuilder:
    """Builds a study.

    Attributes
    ----------
    content : of the study file
    folder : that ``base`` is relative to
    origin : what the study is made from
    path : the study file, None if it is made from a ready study or a workflow file
    """

    content: dict[str, Any]
    folder: Path
    origin: str
    path: Path | None

    @property
    def name(self) -> str:
        """The study's."""
        return str(self.content["name"])

    def change(
        self, space: Mapping[str, Any], sections: Mapping[str, Any], overrides: Mapping[str, Any]
    ) -> None:
        """Apply options: parameters, entries of the study file, and entries of ``set``, which change the workflow file.

        Without a study file, the parameters are the whole space. Sections that are mappings are merged. Raises
        ``ConfigError`` if no parameter is left to search.
        """
        before = dict(self.content.get("space", {})) if self.path is not None or not space else {}
        self.content["space"] = {**before, **space}
        for key, value in sections.items():
            merged = {**self.content.get(key, {}), **value} if isinstance(value, Mapping) else value
            self.content[key] = merged
        fixed = self.content.get("fixed", {})
        for key in fixed:
            self.content["space"].pop(key, None)
        if not self.content["space"]:
            searched = f", which leaves nothing of {', '.join(before or space)}" if before or space else ""
            raise ConfigError(
                f"space: got none{searched}; give a parameter such as --lr log:1e-4:1e-2, or --param KEY=SPACE"
            )
        if overrides:
            self.content["set"] = {**self.content.get("set", {}), **overrides}

    def lay_out_segments(self, provider_uri: str | None, in_proportion: bool | None) -> list[str]:
        """Fit the segments to the data's calendar, and return what did not fit.

        The data are in ``provider_uri``, or else in the workflow's folder. If ``in_proportion`` is None, segments are
        laid out in proportion if they do not fit a folder that was named. Raises ``ConfigError`` if they do not fit and
        are not laid out, or if the data lack the market.
        """
        base = self.folder / Path(str(self.content.get("base", ""))).expanduser()
        workflow = load_workflow(base, list(self.content.get("set", {}).items()))
        provider = Provider(provider_uri or workflow.qlib_init.provider_uri)
        market = workflow.task.dataset.kwargs.handler.kwargs.instruments
        if isinstance(market, str) and market.lower() not in provider.markets:
            init = command_line("init", "--provider-uri", provider.root, "--out", "own.yaml")
            create = command_line("study", "create", self.name, "--from", "own.yaml")
            raise ConfigError(
                f"instruments: the data has no market {market!r}; {choices_hint(market, provider.markets)}; `{init}` "
                f"writes a workflow file for these data, and `{create}` makes a study from it"
            )
        found = misfits(workflow.task.dataset, provider)
        if in_proportion is None:
            in_proportion = bool(found) and provider_uri is not None
        if in_proportion:
            self.content["set"] = {**self.content.get("set", {}), **proportional(workflow, provider)}
        elif found:
            listed = "\n".join(f"  {text}" for text in found)
            raise ConfigError(f"the segments do not fit the data; --auto-segments lays them out:\n{listed}")
        return found

    def config(self) -> StudyConfig:
        """Validate the study file."""
        return parse_study(self.content)

    def define(self, provider_uri: str | None) -> Definition:
        """Read the workflow and hash the data."""
        return Definition.of(self.config(), self.folder, provider_uri=provider_uri)

    def write(self) -> Path | None:
        """Write the study file unless it exists; return the new file."""
        path = STUDIES / f"{self.name}.yaml"
        if self.path is not None or path.exists():
            return None
        base = os.path.relpath(self.folder / self.content["base"], STUDIES)
        write_whole(path, dump_yaml({**self.content, "base": base}))
        return path


def start_study(name: str | None, source: Path | None, features: str) -> StudyBuilder:
    """Start to build a study from a file, from ``studies/<name>.yaml``, or from a ready study.

    The space for a workflow file is that of the ready study of its feature set. Without a name, the study has the
    name in the file.

    Parameters
    ----------
    source
        A study file or a workflow file; None looks for a file of the study's name.
    features
        Feature set of the ready study to use if no file has the name.

    Raises
    ------
    ConfigError
        If the name is invalid, or the file is missing or is neither a study file nor a workflow file.
    """
    if name is not None and source is None and (Path(name).suffix in (".yaml", ".yml") or "/" in name):
        raise ConfigError(f"NAME: got {name!r}, expected a study's name; a file goes with --from {name}")
    if name is not None:
        try:
            check_evidence_name(name)
        except ValueError as error:
            raise ConfigError(f"NAME: got {name!r}; {error}") from error
    existing, ready = STUDIES / f"{name}.yaml", ready_folder("studies") / f"{name}.yaml"
    path = source or (existing if existing.is_file() else None)
    if path is not None:
        content = read_yaml(path).content
        if "base" not in content and "task" in content:
            return _over_workflow(name or path.stem, path)
        if "base" not in content:
            raise ConfigError(
                f"base: {path} has none, expected a workflow file, or a study file, whose base names one"
            )
        return StudyBuilder(
            _named(name or content.get("name", path.stem), content), path.parent, str(path), path
        )
    known = ready.is_file()
    ready = ready if known else ready.with_stem(features)
    origin = f"the ready study {ready.stem}"
    return StudyBuilder(
        _named(name, read_yaml(ready).content), ready.parent, origin, ready if known else None
    )


def _over_workflow(name: Any, path: Path) -> StudyBuilder:
    """Combine a workflow file with the ready study of its feature set."""
    ready = READY[-1] if load_workflow(path).feature_set == "Alpha360" else READY[0]
    content = read_yaml(ready_folder("studies") / f"{ready}.yaml").content | {"base": path.name}
    del content["features"]  # the workflow file sets it
    return StudyBuilder(_named(name, content), path.parent, f"{path} with the ready study {ready}", None)


def _named(name: Any, content: Mapping[str, Any]) -> dict[str, Any]:
    """Put the name first."""
    return {"name": name, **{key: value for key, value in content.items() if key != "name"}}
