"""The job of a tuning worker: train a trial's seeds as a pack and report the validation losses of each epoch."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_bench.core.atomic import write_whole
from lstm_bench.core.errors import DataError
from lstm_bench.exec.worker import Session
from lstm_bench.model.path_name import current_path_name
from lstm_bench.record.identity import run_id
from lstm_bench.tracking.tracked import epoch_values
from lstm_bench.tune.valid_series import ValidSeries, measure_valid, series_path, write_series

if TYPE_CHECKING:
    from lstm_bench.config.workflow import ResolvedRun
    from lstm_bench.dataset.dataset import SampleSet
    from lstm_bench.model.trainer import Fit

__all__ = ["TRAIN_TRIAL", "peak_bytes", "train_trial", "trial_key"]

logger = logging.getLogger("lstm_bench")

TRAIN_TRIAL = "lstm_bench.tune.training:train_trial"


def trial_key(config: ResolvedRun, seeds: Sequence[int], data_fingerprint: str) -> str:
    """Return 16 hex digits that hash configuration, seeds and data: trials with the same key have the same result."""
    ids = [run_id(config.with_seed(seed), data_fingerprint) for seed in seeds]
    return hashlib.sha256(" ".join(ids).encode()).hexdigest()[:16]


def train_trial(payload: dict[str, Any], session: Session) -> dict[str, Any]:
    """Train one configuration on its tuning seeds.

    Parameters
    ----------
    payload
        ``workflow`` (a configuration), ``seeds``, ``entry`` (the folder of the dataset, train and valid only),
        ``volatility`` (the folder of its stocks' volatility, None if no sample is weighted by it) and ``outcome`` (the
        file that keeps the result of a trial that ran to its end, beside the file of its daily series of valid).
    session
        Receives ``{"epoch": e, "losses": {seed: loss}, "figures": {seed: the trainer's figures}}`` after each epoch.
        A false answer prunes the trial.

    Returns
    -------
    dict
        ``losses`` ``{seed: [validation loss per epoch]}``, ``train_losses`` likewise, ``status`` per seed,
        ``valid_ic`` ``{seed: {"IC": .., "Rank IC": ..}}`` of a trial that was not pruned, ``pruned``, ``seconds`` of
        training, ``peak_bytes``, ``training_path``, ``replayed``.
    """
    from lstm_bench.record.rescue import rescued

    outcome = Path(payload["outcome"])
    kept = outcome if outcome.is_file() else rescued(outcome.name)
    if kept is not None:  # it was trained to its end, and the driver died before it stored the result
        return _replay(json.loads(kept.read_text(encoding="utf-8")), session)
    from lstm_bench.core.json_values import without_nan
    from lstm_bench.data.closed import bars_closed

    with bars_closed("a tuning trial"):
        result, series = _train(payload, session)
    if not result["pruned"]:
        if series:
            _keep_series(series_path(outcome), series)
        _keep(outcome, json.dumps(without_nan(result)))  # last: a trial with an outcome is not trained again
    return result


def _keep_series(path: Path, series: Mapping[int, ValidSeries]) -> None:
    """Write a trial's daily series of valid. A full disk is not an error: the trial has a value without them."""
    from lstm_bench.record.rescue import is_full

    try:
        write_series(path, series)
    except OSError as error:
        if not is_full(error):
            raise
        logger.warning(
            "%s has no room for the daily series of the trial on valid; statistics of the selection leave it out",
            path.parent,
        )


def _keep(outcome: Path, content: str) -> None:
    """Write a trial's outcome. A full disk is not an error: the driver receives the outcome anyway."""
    from lstm_bench.record.rescue import is_full, rescue

    try:
        write_whole(outcome, content)
    except OSError as error:
        if not is_full(error):
            raise
        kept = rescue(outcome.name, lambda staged: staged.write_text(content, encoding="utf-8"))
        where = "nor does any other place" if kept is None else f"it is kept in {kept}"
        logger.warning("%s has no room for the outcome of the trial, %s", outcome.parent, where)


def _train(payload: dict[str, Any], session: Session) -> tuple[dict[str, Any], dict[int, ValidSeries]]:
    """Train; return the outcome, and the daily series of valid of a trial that was not pruned."""
    from lstm_bench.config.workflow import RunConfig
    from lstm_bench.dataset.cache import DatasetCache
    from lstm_bench.dataset.permutation import with_learned_labels
    from lstm_bench.model.contract import MemberSpec, PackSpec
    from lstm_bench.model.select import choose_path
    from lstm_bench.model.trainer import train_pack
    from lstm_bench.run.preparation import check_learning, valid_metric

    config = RunConfig.model_validate(payload["workflow"]).resolved()
    kwargs, spec = config.task.model.kwargs, PackSpec.of(config)
    choice = choose_path(spec, session.device)
    dataset = DatasetCache.open_entry(Path(payload["entry"]), config.task.dataset)
    if "test" in dataset.segments:
        raise DataError(
            f"{payload['entry']}: this dataset has the segment 'test', which a tuning trial may not read"
        )
    # the seeds of a trial train together, on the same labels: permuted ones are those of the first seed
    dataset = with_learned_labels(config.with_seed(payload["seeds"][0]), dataset)
    train, valid = dataset.samples("train", "learn"), dataset.samples("valid", "learn")
    check_learning(config, dataset, train, valid)
    pruned = False

    def on_epoch(fits: Sequence[Fit]) -> bool:
        nonlocal pruned
        epoch = max(len(fit.epochs) for fit in fits) - 1
        active = [fit for fit in fits if len(fit.epochs) == epoch + 1]
        losses = {fit.member.seed: _curve(fit)[epoch] for fit in active}
        figures = {fit.member.seed: epoch_values(fit.epochs[epoch]) for fit in active}
        pruned = not session.report({"epoch": epoch, "losses": losses, "figures": figures})
        return not pruned

    started = time.perf_counter()
    fits = train_pack(
        spec,
        [MemberSpec.of(config.with_seed(seed)) for seed in payload["seeds"]],
        train,
        valid,
        n_epochs=kwargs.n_epochs,
        early_stop=kwargs.early_stop,
        device=session.device,
        valid_metric=valid_metric(config, valid),
        on_epoch=on_epoch,
        on_step=lambda *_: session.check(),
        choice=choice,
        weights=_weights(config, train, payload["volatility"]),
    )
    seconds = time.perf_counter() - started
    series = {} if pruned else measure_valid(fits, spec, dataset, valid, session.device, choice.name)
    result = {
        "losses": {fit.member.seed: _curve(fit) for fit in fits},
        "train_losses": {fit.member.seed: [epoch.train_loss for epoch in fit.epochs] for fit in fits},
        "status": {fit.member.seed: fit.status for fit in fits},
        "valid_ic": {seed: one.means() for seed, one in series.items()},
        "pruned": pruned,
        "seconds": seconds,
        "peak_bytes": peak_bytes(session.device),
        "training_path": choice.name,
        "replayed": False,
    }
    return result, series


def _weights(config: ResolvedRun, train: SampleSet, volatility: str | None) -> Any:
    """Weights of the train samples; ``volatility`` is the folder of the stocks' volatility, if they need it."""
    from lstm_bench.dataset.array_entry import open_entry
    from lstm_bench.dataset.sample_weights import sample_weights
    from lstm_bench.dataset.volatility import read_volatility

    measured = None if volatility is None else read_volatility(open_entry(Path(volatility)))
    return sample_weights(config.lstm_bench.training, train, measured)


def _curve(fit: Any) -> list[float]:
    """Return the validation loss per epoch; that of a diverged member ends with NaN."""
    curve = [epoch.valid_loss for epoch in fit.epochs]
    return [*curve[:-1], math.nan] if fit.status == "diverged" else curve


def peak_bytes(device: Any) -> int:
    """Return the peak memory of this worker on its device."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    from lstm_bench.record.provenance import peak_memory_mib

    return int(peak_memory_mib() * 2**20)


def _replay(result: dict[str, Any], session: Session) -> dict[str, Any]:
    """Report the epochs of a finished training, so that the pruner judges them."""
    for name in ("losses", "train_losses"):
        result[name] = {
            int(seed): [math.nan if value is None else value for value in curve]
            for seed, curve in result[name].items()
        }
    result["valid_ic"] = {int(seed): figures for seed, figures in result.get("valid_ic", {}).items()}
    result["status"] = {int(seed): status for seed, status in result["status"].items()}
    if result.get("training_path") is not None:
        result["training_path"] = current_path_name(result["training_path"])
    for epoch in range(max(map(len, result["losses"].values()))):
        losses = {seed: curve[epoch] for seed, curve in result["losses"].items() if epoch < len(curve)}
        figures = {seed: {"train_loss": result["train_losses"][seed][epoch]} for seed in losses}
        if not session.report({"epoch": epoch, "losses": losses, "figures": figures}):
            cut = {seed: curve[: epoch + 1] for seed, curve in result["losses"].items()}
            return {**result, "losses": cut, "pruned": True, "replayed": True}
    return {**result, "replayed": True}
