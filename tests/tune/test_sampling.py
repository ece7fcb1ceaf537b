from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_bench.config.sections.parameter import Parameter
from lstm_bench.config.sections.search import SamplerConfig
from lstm_bench.tune.repository import study_trials
from lstm_bench.tune.sampling import SobolSampler, make_sampler
from lstm_bench.tune.space import distributions, suggest

SPACE: dict[str, Any] = {
    "hidden_size": {"int": [8, 256], "log": True},
    "num_layers": {"int": [1, 3]},
    "dropout": {"float": [0.0, 0.4], "step": 0.1, "when": {"num_layers": [2, 3]}},
    "lr": {"float": [1e-4, 1e-2], "log": True},
    "task.model.kwargs.metric": {"choices": ["loss", "ic"]},
}
GRID: dict[str, Any] = {
    "hidden_size": {"choices": [8, 16, 64]},
    "num_layers": {"int": [1, 2]},
    "dropout": {"float": [0.0, 0.2], "step": 0.1, "when": {"num_layers": [2]}},
}
SAMPLERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": "tpe", "startup_trials": 4}, SPACE),
    ({"name": "tpe", "startup_trials": 4, "multivariate": False}, SPACE),
    ({"name": "random"}, SPACE),
    ({"name": "qmc"}, SPACE),
    ({"name": "grid"}, GRID),
    ({"name": "gp", "startup_trials": 6}, {key: SPACE[key] for key in ("num_layers", "lr")}),
    ({"name": "cmaes", "startup_trials": 3}, {key: SPACE[key] for key in ("hidden_size", "lr")}),
]
TRIALS = 9
HYPERBAND = {"name": "hyperband", "reduction_factor": 2}


class Death(BaseException):
    pass


def names(value: Any) -> str:
    return (
        f"{value['name']}{'' if value.get('multivariate', True) else '-univariate'}"
        if "name" in value
        else ""
    )


@pytest.mark.parametrize(
    ("sampler", "space", "pruner"),
    [(*searched, {"name": "none"}) for searched in SAMPLERS]
    + [(*SAMPLERS[0], HYPERBAND), (*SAMPLERS[4], HYPERBAND)],
    ids=names,
)
def test_proposals_depend_on_seed_number_and_results_alone(
    make_lab: Any,
    sampler: dict[str, Any],
    space: dict[str, Any],
    pruner: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A driver that dies between trials, in a trial, or between two parameters proposes what another one would."""
    content = {"sampler": {**sampler, "seed": 5}, "space": space, "pruner": pruner}

    def proposals(lab: Any) -> list[Any]:
        return [(row.params, row.state, row.value) for row in lab.rows()]

    def value_of(kwargs: Any) -> float:
        return float(
            kwargs.hidden_size / 64 + abs(math.log10(kwargs.lr) + 3) + kwargs.num_layers / 7 + kwargs.dropout
        )

    steady = make_lab("steady", value_of=value_of)
    steady.create(**content)
    steady.work(TRIALS)

    shaky = make_lab("shaky", value_of=value_of)
    shaky.create(**content)

    def first_only(trial: Any, searched: Any) -> None:
        key, parameter = next(iter(searched.items()))
        suggest(trial, {key: parameter})
        raise Death

    for number in range(TRIALS):
        match number % 3:
            case 1:
                assert not shaky.work(number + 1, reports=1)
            case 2:
                with monkeypatch.context() as patch:
                    patch.setattr(study_trials, "suggest", first_only)
                    with pytest.raises(Death):
                        shaky.work(number + 1)
        shaky.orphan()
        shaky.work(number + 1)
    assert proposals(shaky) == proposals(steady)

    other = make_lab("other")
    other.create(**{**content, "sampler": {**sampler, "seed": 6}})
    other.work(TRIALS)
    same = [params for params, *_ in proposals(other)] == [params for params, *_ in proposals(steady)]
    assert same is (sampler["name"] == "grid")


def test_a_grid_is_laid_out_whole_under_hyperband(lab: Any) -> None:
    lab.create(space=GRID, sampler={"name": "grid"}, pruner=HYPERBAND)
    assert lab.work(100)
    points = [tuple(row.params.items()) for row in lab.rows()]
    assert len(points) == len(set(points)) == 3 * (1 + 3)


def test_several_at_once_share_a_grid(lab: Any) -> None:
    lab.create(space=GRID, sampler={"name": "grid"})
    one, other = (lab.jobs(100) for _ in range(2))
    for source, slots in (one, other, one, other):
        assert source.claim(slots.slots[0]) is not None
    points = [tuple(trial.params.items()) for trial in lab.trials()]
    assert len(points) == len(set(points)) == 4


def parameters() -> st.SearchStrategy[Parameter]:
    def parameter(kind: str, low: int, width: int, steps: int) -> Parameter:
        match kind:
            case "choices":
                return Parameter.model_validate({"choices": list(range(low, low + min(width, 9) + 1))})
            case "int":
                return Parameter.model_validate({"int": [low, low + width]})
            case "int step":
                return Parameter.model_validate({"int": [low, low + steps * width], "step": width})
            case "int log":
                return Parameter.model_validate({"int": [low, low + width], "log": True})
            case "float":
                return Parameter.model_validate({"float": [low / 7, (low + width) / 7]})
            case "float step":
                return Parameter.model_validate(
                    {"float": [round(0.1 * low, 1), round(0.1 * (low + width), 1)], "step": 0.1}
                )
        return Parameter.model_validate({"float": [low / 7, (low + width) / 7], "log": True})

    kinds = ["choices", "int", "int step", "int log", "float", "float step", "float log"]
    return st.builds(
        parameter, st.sampled_from(kinds), st.integers(1, 50), st.integers(1, 99), st.integers(1, 5)
    )


@given(space=st.lists(parameters(), min_size=1, max_size=4), seed=st.integers(0, 2**32 - 1))
def test_sobol_points_lie_in_the_space(space: list[Parameter], seed: int) -> None:
    named = {f"p{index}": parameter for index, parameter in enumerate(space)}
    study = optuna.create_study(sampler=SobolSampler(named, seed))
    for _ in range(9):
        params = suggest(study.ask(), named)
        assert all(parameter.contains(params[key]) for key, parameter in named.items())
    for trial in study.get_trials(deepcopy=False):
        assert all(
            distribution._contains(distribution.to_internal_repr(trial.params[key]))
            for key, distribution in distributions(named).items()
        )


def test_sobol_points_fill_the_space_evenly() -> None:
    space = {
        "x": Parameter.model_validate({"float": [1e-4, 1.0], "log": True}),
        "y": Parameter.model_validate({"int": [1, 4]}),
        "z": Parameter.model_validate({"int": [1, 4], "log": True}),
        "s": Parameter.model_validate({"float": [0.0, 0.3], "step": 0.1}),
    }
    study = optuna.create_study(sampler=SobolSampler(space, 3))
    drawn = [suggest(study.ask(), space) for _ in range(64)]
    decades = [math.floor(math.log10(float(params["x"]))) for params in drawn]
    assert [decades.count(decade) for decade in (-4, -3, -2, -1)] == [16] * 4
    assert [[params["y"] for params in drawn].count(value) for value in (1, 2, 3, 4)] == [16] * 4
    assert [[params["s"] for params in drawn].count(value) for value in (0.0, 0.1, 0.2, 0.3)] == [16] * 4
    on_log = [[params["z"] for params in drawn].count(value) for value in (1, 2, 3, 4)]
    edges = [math.log(edge) for edge in (0.5, 1.5, 2.5, 3.5, 4.5)]
    wanted = [64 * (high - low) / (edges[4] - edges[0]) for low, high in pairwise(edges)]
    assert on_log == pytest.approx(wanted, abs=1)


def test_a_sampler_is_made_as_the_study_says() -> None:
    space = {key: Parameter.model_validate(value) for key, value in SPACE.items()}
    made: Any = make_sampler(SamplerConfig(name="tpe", startup_trials=7), space)
    inner = made._make(3)
    assert isinstance(inner, optuna.samplers.TPESampler)
    assert inner._constant_liar
    assert inner._multivariate
    assert inner._n_startup_trials == 7
