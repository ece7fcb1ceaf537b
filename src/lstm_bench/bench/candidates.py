"""The configurations of a bench: those of a study's trials, or of a workflow file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_bench.bench.manifest import check_label
from lstm_bench.config.experiment import check_evidence_name
from lstm_bench.config.values.seeds import first_seeds, seed_list
from lstm_bench.config.workflow import load_workflow
from lstm_bench.core.errors import ConfigError, InputError
from lstm_bench.tune.space import active
from lstm_bench.tune.trials import TrialRow

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.record.stamp import NamedData
    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.repository.store import Store

__all__ = ["Candidate", "candidates_of_file", "candidates_of_study", "default_candidate", "tuning_seeds"]


@dataclass(frozen=True)
class Candidate:
    """A configuration to train over seeds.

    Attributes
    ----------
    label : the row's name within its study
    study : the study, or the workflow file's name; also the folder of the records
    trial : the trial that proposed it, None for a workflow file
    data : the study's, None for a workflow file
    """

    label: str
    study: str
    trial: int | None
    config: ResolvedRun
    data: NamedData | None = None


def candidates_of_file(
    path: Path, overrides: Sequence[str], provider_uri: str | None, label: str | None = None
) -> list[Candidate]:
    """Return the configuration of a workflow file, labelled with the file's name unless ``label`` is given.

    Raises ``ConfigError`` if the file, an override or the label is wrong.
    """
    if label is not None:
        try:
            check_label(label)
        except ValueError as error:
            raise ConfigError(f"--name: got {label!r}, {error}") from error
    moved = [] if provider_uri is None else [("qlib_init.provider_uri", provider_uri)]
    config = load_workflow(path, [*overrides, *moved])
    name = path.stem if config.experiment_name is None else config.experiment_name
    try:
        check_evidence_name(name)
    except ValueError as error:
        raise ConfigError(
            f"experiment_name: got {name!r}; {error}, such as --set experiment_name=mine"
        ) from error
    return [Candidate(label=label or path.stem, study=name, trial=None, config=config.resolved())]


def tuning_seeds(store: Store, name: str) -> tuple[int, ...]:
    """Return the seeds that a study tuned on: its own, or those of its trials if it searches them."""
    rows = store.rows(name)
    searched = {int(row.params["seed"]) for row in rows if "seed" in row.params}
    return tuple(sorted(searched)) or store.definition(name).config.seeds


def candidates_of_study(
    store: Store,
    name: str,
    top: int,
    numbers: Sequence[int],
    seeds: Sequence[int],
    provider_uri: str | None,
    *,
    options: Sequence[object] = (),
) -> list[Candidate]:
    """Return a study's best configurations by validation loss, or those of its trials ``numbers``.

    The best one is labelled ``tuned``, trial 0, with the workflow's values, ``default``, the others by their trials.

    Parameters
    ----------
    top
        How many of the best, unless ``numbers`` names trials.
    seeds
        The seeds that they will be trained with.
    provider_uri
        The data folder, if it has moved since the study was made.
    options
        Options of the call, repeated in the command that an error message proposes.

    Raises
    ------
    InputError
        If there is no such trial, the seeds were tuned on, or the data are not the study's.
    """
    definition = store.definition(name)
    rows = store.rows(name)
    _check_seeds(seeds, tuning_seeds(store, name))
    trained = [row for row in rows if row.state == "complete" and row.duplicate_of is None]
    ranked = sorted(trained, key=lambda row: (row.value, row.number))
    chosen = [_numbered(rows, number, definition) for number in dict.fromkeys(numbers)] or ranked[:top]
    if not chosen:
        tune = store.command("tune", "--study", name, *options)
        raise InputError(f"study {name!r} has no complete trial yet; run: {tune}")
    data = store.data(name, provider_uri)
    candidates = []
    for row in chosen:
        config = _moved(definition.run_config(row.params), provider_uri)
        candidates.append(Candidate(_label(row, ranked), name, row.number, config, data))
    return candidates


def default_candidate(store: Store, name: str, provider_uri: str | None) -> Candidate:
    """Return a study's default configuration, whether or not it has been tried.

    Raises ``InputError`` if there is no such study, or the data, in ``provider_uri`` if they have moved, are not its.
    """
    definition = store.definition(name)
    params, _ = definition.defaults()
    config = _moved(definition.run_config(params), provider_uri)
    return Candidate("default", name, 0, config, store.data(name, provider_uri))


def _moved(config: ResolvedRun, provider_uri: str | None) -> ResolvedRun:
    """Return the configuration with its data in another folder, unless it is None."""
    if provider_uri is None:
        return config
    moved = config.qlib_init.model_copy(update={"provider_uri": provider_uri})
    return config.model_copy(update={"qlib_init": moved})


def _check_seeds(seeds: Sequence[int], tuned_on: Sequence[int]) -> None:
    used = sorted(set(seeds) & set(tuned_on))
    if used:
        others = first_seeds(len(seeds), without=tuned_on)
        raise ConfigError(
            f"--seeds: {', '.join(map(str, used))} served in tuning, which chose what does well with them; "
            f"take others, such as {seed_list(others)}"
        )


def _numbered(rows: Sequence[TrialRow], number: int, definition: Definition) -> TrialRow:
    if number >= len(rows):
        raise ConfigError(f"--trial: got {number}; the study has trials 0 to {len(rows) - 1}")
    space, params = definition.config.space, rows[number].params
    if set(active(space, params)) - params.keys() or not params:
        raise ConfigError(f"--trial: got {number}, whose parameters have not been sampled yet; tune first")
    return rows[number]


def _label(row: TrialRow, ranked: Sequence[TrialRow]) -> str:
    if row.origin == "default" and not row.moved:
        return "default"
    return "tuned" if ranked and row.number == ranked[0].number else f"trial {row.number}"
