"""Making a study: from a file, from a ready one, or from options over either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstm_bench.config.experiment import check_evidence_name
from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import StudyConfig, parse_study
from lstm_bench.config.workflow import load_workflow
from lstm_bench.config.yaml import dump_yaml, load_yaml
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
"""Where study files are looked for and written, from the working folder."""


class StudyBuilder:
    """A study that is being made.

    Parameters
    ----------
    content
        Of its file.
    folder
        What its ``base`` is relative to.
    origin
        What it began with, in words.
    path
        The file that it came from; None where it is being put together.
    """

    def __init__(self, content: Mapping[str, Any], folder: Path, origin: str, path: Path | None) -> None:
        self.content = dict(content)
        self.folder = folder
        self.origin = origin
        self.path = path

    @property
    def name(self) -> str:
        """The study's."""
        return str(self.content["name"])

    def change(
        self, space: Mapping[str, Any], sections: Mapping[str, Any], overrides: Mapping[str, Any]
    ) -> None:
        """Put options over it.

        Parameters
        ----------
        space
            Parameters, plain data. Where the study comes from no file of its own, they are the whole space.
        sections
            Entries of the study file; mappings are merged.
        overrides
            Over the workflow file: entries of ``set``.

        Raises
        ------
        ConfigError
            Where nothing is left to search.
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

    def lay_out_segments(self, provider_uri: str | None, wanted: bool | None) -> list[str]:
        """Fit the segments to the data's calendar.

        Parameters
        ----------
        provider_uri
            The data folder, over the workflow's.
        wanted
            Whether to lay them out in proportion; None to do so where they do not fit data that were named.

        Returns
        -------
        list of str
            What did not fit.

        Raises
        ------
        ConfigError
            Where they do not fit, and are not to be laid out, and where the data lack the market.
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
        if wanted is None:
            wanted = bool(found) and provider_uri is not None
        if wanted:
            self.content["set"] = {**self.content.get("set", {}), **proportional(workflow, provider)}
        elif found:
            listed = "\n".join(f"  {text}" for text in found)
            raise ConfigError(f"the segments do not fit the data; --auto-segments lays them out:\n{listed}")
        return found

    def config(self) -> StudyConfig:
        """Check it."""
        return parse_study(self.content)

    def define(self, provider_uri: str | None) -> Definition:
        """Read its workflow and hash its data."""
        return Definition.of(self.config(), self.folder, provider_uri=provider_uri)

    def write(self) -> Path | None:
        """Keep a study that was put together as a file, unless one of its name is there; return the new file."""
        path = STUDIES / f"{self.name}.yaml"
        if self.path is not None or path.exists():
            return None
        base = os.path.relpath(self.folder / self.content["base"], STUDIES)
        write_whole(path, dump_yaml({**self.content, "base": base}))
        return path


def start_study(name: str | None, source: Path | None, features: str) -> StudyBuilder:
    """Begin a study: with the file that is named, with ``studies/<name>.yaml``, or with a ready study.

    A workflow file is searched in the space of the ready study of its feature set.

    Parameters
    ----------
    name
        None takes the file's.
    source
        The file, None for one of the name.
    features
        Whose ready study serves where no file has the name.

    Raises
    ------
    ConfigError
        Where the name can be no study's, or the file is not there or is neither a study's nor a workflow's.
    """
    if name is not None and source is None and (Path(name).suffix in (".yaml", ".yml") or "/" in name):
        raise ConfigError(f"NAME: got {name!r}, expected a study's name; a file goes with --from {name}")
    if name is not None:
        try:
            check_evidence_name(name)
        except ValueError as error:
            raise ConfigError(f"NAME: got {name!r}; {error}") from error
    own, ready = STUDIES / f"{name}.yaml", ready_folder("studies") / f"{name}.yaml"
    path = source or (own if own.is_file() else None)
    if path is not None:
        content = load_yaml(path)
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
    return StudyBuilder(_named(name, load_yaml(ready)), ready.parent, origin, ready if known else None)


def _over_workflow(name: Any, path: Path) -> StudyBuilder:
    """Put the ready study of its feature set over a workflow file; options may be the whole space."""
    ready = READY[-1] if load_workflow(path).feature_set == "Alpha360" else READY[0]
    content = load_yaml(ready_folder("studies") / f"{ready}.yaml") | {"base": path.name}
    del content["features"]  # the workflow file says it
    return StudyBuilder(_named(name, content), path.parent, f"{path} with the ready study {ready}", None)


def _named(name: Any, content: Mapping[str, Any]) -> dict[str, Any]:
    """Put the name first, where a reader looks for it."""
    return {"name": name, **{key: value for key, value in content.items() if key != "name"}}
