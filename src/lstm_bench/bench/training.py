"""The job of a bench's worker: train and record runs of one configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_bench.exec.worker import Session
from lstm_bench.tracking.tracked import epoch_values

if TYPE_CHECKING:
    from lstm_bench.model.trainer import Fit

__all__ = ["RUN_PACK", "run_pack"]

RUN_PACK = "lstm_bench.bench.training:run_pack"


def run_pack(payload: dict[str, Any], session: Session) -> dict[str, Any]:
    """Train a pack of seeds of one configuration, evaluate and record each run.

    Parameters
    ----------
    payload
        ``workflow``, ``seeds``, ``experiment`` (the folder of records), ``force``, ``data`` (their name,
        from :meth:`lstm_bench.record.stamp.NamedData.to_json`).
    session
        Receives ``{"epoch": e, "losses": {seed: loss}, "figures": {seed: the trainer's figures}}`` after each epoch.

    Returns
    -------
    dict
        ``runs`` ``{seed: run id}``, ``errors`` ``{seed: message}``, ``computed``, ``peak_bytes``.
    """
    from lstm_bench.config.workflow import RunConfig
    from lstm_bench.dataset.cache import DatasetCache
    from lstm_bench.record.stamp import NamedData
    from lstm_bench.run.runner import execute_pack
    from lstm_bench.tracking.progress import Progress
    from lstm_bench.tune.training import peak_bytes

    class ToDriver(Progress):
        """Reports a run's progress to the driver."""

        def stage(self, name: str) -> None:
            session.check()

        def step(self, done: int, steps: int) -> None:
            session.check()

        def epoch(self, fits: Sequence[Fit], n_epochs: int) -> None:
            epoch = max(len(fit.epochs) for fit in fits) - 1
            last = {fit.member.seed: fit.epochs[-1] for fit in fits if len(fit.epochs) == epoch + 1}
            losses = {seed: one.valid_loss for seed, one in last.items()}
            figures = {seed: epoch_values(one) for seed, one in last.items()}
            session.report({"epoch": epoch, "losses": losses, "figures": figures})

    config = RunConfig.model_validate(payload["workflow"])
    runs = execute_pack(
        config,
        payload["seeds"],
        Path(payload["experiment"]),
        device=str(session.device),
        force=payload["force"],
        progress=ToDriver(),
        cache=DatasetCache(),
        judged=True,
        data=NamedData.from_json(payload["data"], config.qlib_init.provider_uri),
    )
    return {
        "runs": {run.seed: run.record.path.name for run in runs},
        "errors": {run.seed: run.error for run in runs if run.error is not None},
        "computed": sum(run.computed for run in runs),
        "peak_bytes": peak_bytes(session.device),
    }
