"""Making a study: from a file, from a ready one, or from options over either."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstm_bench.config.ready import ready_folder
from lstm_bench.config.study import StudyConfig, parse_study
from lstm_bench.config.workflow import load_workflow
from lstm_bench.config.yaml import dump_yaml, load_yaml
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.segments import misfits, proportional
from lstm_bench.errors import ConfigError
from lstm_bench.study.definition import Definition

__all__ = ["READY", "STUDIES", "Draft", "draft_study"]

READY = ("alpha158", "alpha360")
"""The ready studies, one for each feature set."""

STUDIES = Path("studies")
"""Where study files are looked for and written, from the working folder."""


class Draft:
    """A study that is being made.

    Parameters
    ----------
    content
        Of its file.
    folder
        What its ``base`` is relative to.
    path
        The file that it came from; None where it is being put together.
    """

    def __init__(self, content: Mapping[str, Any], folder: Path, path: Path | None) -> None:
        self.content = dict(content)
        self.folder = folder
        self.path = path

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
        """
        before = dict(self.content.get("space", {})) if self.path is not None or not space else {}
        self.content["space"] = {**before, **space}
        for key, value in sections.items():
            merged = {**self.content.get(key, {}), **value} if isinstance(value, Mapping) else value
            self.content[key] = merged
        for key in self.content.get("fixed", {}):
            self.content["space"].pop(key, None)
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
            Where they do not fit, and are not to be laid out.
        """
        base = self.folder / Path(str(self.content.get("base", ""))).expanduser()
        workflow = load_workflow(base, list(self.content.get("set", {}).items()))
        provider = Provider(provider_uri or workflow.qlib_init.provider_uri)
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
        path = STUDIES / f"{self.content['name']}.yaml"
        if self.path is not None or path.exists():
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        base = os.path.relpath(self.folder / self.content["base"], STUDIES)
        path.write_text(dump_yaml({**self.content, "base": base}), encoding="utf-8")
        return path


def draft_study(name: str, source: Path | None, features: str) -> Draft:
    """Begin a study: with the file that is named, with ``studies/<name>.yaml``, or with a ready study.

    Parameters
    ----------
    features
        Whose ready study serves where no file has the name.

    Raises
    ------
    ConfigError
        Where the file is not there or is none.
    """
    own = (STUDIES / f"{name}.yaml", ready_folder("studies") / f"{name}.yaml")
    path = source or next((place for place in own if place.is_file()), None)
    if path is not None:
        return Draft({**load_yaml(path), "name": name}, path.parent, path)
    ready = ready_folder("studies") / f"{features}.yaml"
    return Draft({**load_yaml(ready), "name": name}, ready.parent, None)
