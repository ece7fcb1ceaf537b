"""Runs: from a configuration through data, training and evaluation to complete records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lstm_bench.config.workflow import ResolvedRun, RunConfig
from lstm_bench.core.errors import ConfigError, RunError
from lstm_bench.core.writable import check_can_be_made
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.dataset.cache import DatasetCache
from lstm_bench.dataset.segments import close_segments
from lstm_bench.model.contract import PackSpec
from lstm_bench.model.device import resolve_device
from lstm_bench.model.select import choose_path
from lstm_bench.record.identity import run_id
from lstm_bench.record.ledger import check_can_append
from lstm_bench.record.provenance import Stopwatch
from lstm_bench.record.record import Record
from lstm_bench.record.stamp import NamedData, data_of_run
from lstm_bench.run.computation import PackComputation
from lstm_bench.run.judgement.finding import log_findings
from lstm_bench.run.judgement.setup import judge_setup
from lstm_bench.run.preparation import needs, prepare
from lstm_bench.run.publication import PackRun, find_recorded, publish_run
from lstm_bench.tracking.progress import Progress
from lstm_bench.tracking.tracked import TrackedPack, described
from lstm_bench.tracking.tracker import Tracker

__all__ = ["execute", "execute_pack", "preview"]


def execute(
    config: RunConfig,
    experiment: Path,
    *,
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
    tracker: Tracker | None = None,
) -> tuple[Record, bool]:
    """Compute the run of a configuration and its seed, unless its record exists.

    The arguments are those of :func:`execute_pack`.

    Returns
    -------
    record : Record
    computed : bool
        False if the record existed, or another process published it in the meantime.

    Raises
    ------
    InputError
        If the configuration, the data or the device cannot be used.
    RunError
        If training diverged before any epoch was usable. The record states this, and the run is not computed again.
    """
    (run,) = execute_pack(
        config, [config.seed], experiment, device=device, force=force, progress=progress, tracker=tracker
    )
    if run.error is not None:
        raise RunError(run.error)
    return run.record, run.computed


def execute_pack(
    config: RunConfig,
    seeds: Sequence[int],
    experiment: Path,
    *,
    device: str = "auto",
    force: bool = False,
    progress: Progress | None = None,
    cache: DatasetCache | None = None,
    tracker: Tracker | None = None,
    judged: bool = False,
    data: NamedData | None = None,
) -> list[PackRun]:
    """Compute a configuration's runs over seeds, except those that have records.

    They train as one pack, except that runs on permuted labels, which differ by seed, train one after the other. Then
    each is evaluated and published separately, so that finished runs are kept. The seed of the configuration is
    ignored.

    Parameters
    ----------
    seeds
        Each once.
    experiment
        Folder of the experiment; the records go to ``<experiment>/<run_id>``.
    device
        A wish (``auto``) or a demand; see :func:`lstm_bench.model.device.resolve_device`.
    force
        Also compute runs that have records, and replace these.
    progress
        Receives stages and epochs. None logs them.
    cache
        Of datasets. None builds the dataset in memory.
    tracker
        Of the runs that are computed now. None disables tracking.
    judged
        Whether the caller has reported the findings of :func:`lstm_bench.run.judgement.setup.judge_setup`.
    data
        The data and their name, such as a study's. None takes those of the configuration's folder.

    Returns
    -------
    list of PackRun
        In the order of ``seeds``. A run that diverged has a record and an error; it does not stop the others.

    Raises
    ------
    InputError
        If the configuration, the seeds, the data or the device cannot be used, there is no room for the records, or
        the ledger of test evaluations cannot be written.
    RunError
        If the disk filled up in the meantime. Trained runs are kept elsewhere; the next start finds them.
    """
    if len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds: got {', '.join(map(str, seeds))}, expected each once")
    provider = Provider(config.qlib_init.provider_uri) if data is None else data.provider
    config = close_segments(config, provider)
    configs = {seed: config.with_seed(seed).resolved() for seed in seeds}
    resolved_device = resolve_device(device, config.task.model.kwargs.GPU)
    check_can_be_made("--out", experiment)
    progress = progress or Progress()
    watch = Stopwatch(progress.stage)
    with watch.stage("fingerprint"):
        if data is None:
            data = data_of_run(config.resolved(), provider, experiment, seeds, force=force)
    folders = {seed: experiment / run_id(member, data.name) for seed, member in configs.items()}
    done = find_recorded(folders, force=force)
    missing = {seed: member for seed, member in configs.items() if seed not in done}
    if missing:
        check_can_append(experiment.parent)
        if not judged:
            log_findings(judge_setup(config, provider))
        for members in _packs(missing):
            own_watch = Stopwatch(progress.stage)
            own_watch.seconds |= watch.seconds
            pack = PackComputation(members, data, resolved_device, own_watch, cache, experiment)
            done |= _publish_runs(pack, folders, progress, tracker or Tracker(), force=force)
    return [done[seed] for seed in seeds]


def _packs(configs: Mapping[int, ResolvedRun]) -> list[dict[int, ResolvedRun]]:
    """Return the runs that can train together: those that learn the same labels."""
    if any(config.lstm_bench.training.permute_labels for config in configs.values()):
        return [{seed: config} for seed, config in configs.items()]
    return [dict(configs)]


def _publish_runs(
    pack: PackComputation, folders: Mapping[int, Path], progress: Progress, tracker: Tracker, *, force: bool
) -> dict[int, PackRun]:
    """Compute a pack and publish each run's record.

    Raises ``RunError`` if the disk filled up. The records that do not fit are kept elsewhere; the next start finds
    them.
    """
    study = pack.experiment.name
    runs = {
        seed: described(config, folders[seed].name, pack.data.name, study, "run")
        for seed, config in pack.configs.items()
    }
    done: dict[int, PackRun] = {}
    without_room: list[str] = []
    with TrackedPack(tracker, progress, runs) as tracked:
        for seed, write in pack.compute(tracked):
            try:
                done[seed] = publish_run(seed, folders[seed], write, pack.record_bytes, force=force)
            except RunError as error:
                without_room.append(str(error))
                continue
            tracked.recorded(seed, done[seed].record)
        if without_room:
            raise RunError("\n".join(without_room))
    return done


def preview(config: RunConfig, *, device: str = "auto", experiment: Path | None = None) -> dict[str, Any]:
    """Prepare a run without training it. Records in the folder ``experiment`` may have named the data already.

    Returns
    -------
    dict
        ``config`` (resolved), ``run_id``, ``device``, ``training_path`` and ``training_path_reason``, ``samples`` per
        segment, ``embargo`` (its days, and the samples it leaves out), ``window`` ``[L, F]``, ``warnings`` (what
        makes the figures meaningless), and the sizes of :func:`~lstm_bench.run.preparation.needs`.

    Raises
    ------
    InputError
        If the run would be refused.
    """
    provider = Provider(config.qlib_init.provider_uri)
    config = close_segments(config, provider).resolved()
    chosen = resolve_device(device, config.task.model.kwargs.GPU)
    choice = choose_path(PackSpec.of(config), chosen)
    warnings = [str(finding) for finding in log_findings(judge_setup(config, provider))]
    prepared = prepare(config, provider)
    samples = {part.segment: len(part) for part in (prepared.train, prepared.valid, prepared.test)}
    name = fingerprint(provider)
    if experiment is not None:
        name = data_of_run(config, provider, experiment, [config.seed]).name
    return {
        "config": config.to_file(),
        "run_id": run_id(config, name),
        "device": str(chosen),
        "training_path": choice.name,
        "training_path_reason": choice.reason,
        "samples": samples,
        "embargo": prepared.embargo,
        "window": [prepared.dataset.step_len, prepared.dataset.n_features],
        "warnings": warnings,
        **needs(config, prepared, choice),
    }
