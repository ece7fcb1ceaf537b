"""The ``task.model`` section: Qlib's two LSTM models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from lstm_bench.config.class_path import GIVEN_BY_CLASS, Named
from lstm_bench.config.identity import NotIdentity
from lstm_bench.config.lenient import Lenient

__all__ = ["LstmKwargs", "ModelConfig"]


class LstmKwargs(Lenient):
    """Hyper-parameters of the LSTM and of its training, with Qlib's names and defaults.

    ``adamw``, ``ic`` and ``rank_ic`` are additions: qrun refuses a file that has them.
    """

    d_feat: int = Field(6, ge=1, description="features per day")
    hidden_size: int = Field(64, ge=1, description="units of each layer")
    num_layers: int = Field(2, ge=1, description="stacked LSTM layers")
    dropout: float = Field(
        0.0, ge=0.0, lt=1.0, description="dropout between layers; no effect with a single layer"
    )
    n_epochs: int = Field(200, ge=1, description="maximal number of passes over train")
    lr: float = Field(0.001, gt=0.0, description="learning rate; with a schedule, the highest")
    metric: Literal["", "loss", "ic", "rank_ic"] = Field(
        "", description="what early stopping monitors on valid"
    )
    batch_size: int = Field(2000, ge=1, description="samples per step")
    early_stop: int = Field(
        20, ge=0, description="epochs without a better score after which training stops; 0 means 1"
    )
    loss: Literal["mse"] = Field(
        "mse", description="the only one in Qlib; lstm_bench.training.loss has others"
    )
    optimizer: Literal["adam", "gd", "adamw"] = Field("adam", description="gd is plain SGD")
    n_jobs: Annotated[int, NotIdentity("Qlib's loader processes do not exist here")] = Field(
        10, description="ignored: Qlib's loader processes; samples are not loaded one by one here"
    )
    GPU: Annotated[int, NotIdentity("it says where to compute")] = Field(
        0, description="preferred CUDA device, used if available; negative for the CPU"
    )
    seed: Annotated[int | None, NotIdentity("a run id hashes it separately")] = Field(
        None, ge=0, lt=2**32, description="0 if a file gives none"
    )

    @field_validator("optimizer", mode="before")
    @classmethod
    def _lower_case(cls, name: Any) -> Any:
        return name.lower() if isinstance(name, str) else name

    @property
    def idle(self) -> tuple[str, ...]:
        """Dropout acts between layers only."""
        return ("dropout",) if self.num_layers == 1 else ()


class ModelConfig(Named):
    """``task.model``: ``pytorch_lstm_ts`` goes with ``TSDatasetH``, ``pytorch_lstm`` with ``DatasetH``."""

    name: Literal["LSTM"] = Field(alias="class")
    module_path: Annotated[
        Literal["qlib.contrib.model.pytorch_lstm", "qlib.contrib.model.pytorch_lstm_ts"], GIVEN_BY_CLASS
    ]
    kwargs: LstmKwargs = Field(LstmKwargs(), description="hyper-parameters")

    @property
    def is_time_series(self) -> bool:
        """Whether the model takes windows (``TSDatasetH``) rather than rows (``DatasetH``)."""
        return self.module_path.endswith("_ts")
