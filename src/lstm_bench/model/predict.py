"""Scores of a trained model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from torch import Tensor

from lstm_bench.config.sections.harness import Precision
from lstm_bench.core.errors import DataError
from lstm_bench.model.contract import PackSpec
from lstm_bench.model.lstm import LSTM
from lstm_bench.model.path_name import PathName
from lstm_bench.model.resident import ResidentSamples
from lstm_bench.model.scoring import COMPILED_SAMPLES, score_samples
from lstm_bench.model.select import compiled_scores, precisions

__all__ = ["predict", "predict_weights"]


def predict(
    model: LSTM, samples: ResidentSamples, path: PathName = "reference", precision: Precision = "fp32"
) -> Tensor:
    """Score every sample: float32 ``[S]``, in the samples' order, on their device.

    The model is left in evaluation mode.

    Models that ``cpu`` trained are scored by its kernels in their precision, all others by torch in float32. Raises
    ConfigError if ``cpu`` does not have the precision on this processor.
    """
    model.eval()
    if path == "cpu":
        return score_samples(compiled_scores(model, precision), samples, COMPILED_SAMPLES)
    return score_samples(model, samples)


def predict_weights(
    spec: PackSpec, weights: Mapping[str, Tensor], samples: ResidentSamples, path: PathName
) -> npt.NDArray[np.float32]:
    """Score every sample with a member's weights: ``[S]``, in the samples' order.

    ``path`` trained the weights, as for :func:`predict`. torch scores in float32 on another device than the CPU, and
    if this CPU lacks the precision of the training. Raises DataError if the weights are not those of the spec's
    model; it names the first that differs.
    """
    model = spec.make_model()
    _check_weights(model, weights)
    model.load_state_dict(dict(weights))
    as_trained = path == "cpu" and samples.device.type == "cpu" and spec.precision in precisions(path)
    scores = predict(model.to(samples.device), samples, path if as_trained else "reference", spec.precision)
    return scores.cpu().numpy()


def _check_weights(model: LSTM, weights: Mapping[str, Tensor]) -> None:
    expected = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    found = {name: tuple(weight.shape) for name, weight in weights.items()}
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            raise DataError(
                f"{name} has shape {found.get(name, 'none')}, the configuration's model has "
                f"{expected.get(name, 'none')}"
            )
