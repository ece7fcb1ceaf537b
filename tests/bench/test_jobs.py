"""The manifest of a bench with several writers; packs without training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lstm_bench.bench.candidates import Candidate
from lstm_bench.bench.driver import open_candidate
from lstm_bench.bench.jobs import PackJobs
from lstm_bench.bench.manifest import Bench
from lstm_bench.config.workflow import ResolvedRun, RunConfig, load_workflow
from lstm_bench.data.fingerprint import fingerprint
from lstm_bench.data.provider import Provider
from lstm_bench.data.synthetic import synthesize
from lstm_bench.dataset.segments import close_segments
from lstm_bench.exec.devices import Device, Slot, SlotTable
from lstm_bench.exec.retry import Failed
from lstm_bench.exec.worker import Job
from lstm_bench.record.identity import run_id
from lstm_bench.tune.progress import BenchProgress

ROOT = Path(__file__).parents[2]
CPU = Device("cpu", "cpu", 1 << 34, 2)


class Silent(BenchProgress):
    def __init__(self) -> None:
        self.errors: dict[int, str] = {}
        self.notes: list[str] = []

    def entered(self, label: str, recorded: int, missing: int) -> None: ...
    def began(self, key: str, slot: str) -> None: ...
    def epoch(self, key: str, slot: str, epoch: int, losses: Mapping[int, float]) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)

    def ended(self, key: str, seconds: float, errors: Mapping[int, str]) -> None:
        self.errors.update(errors)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ResolvedRun:
    market = tmp_path_factory.mktemp("market") / "qlib"
    synthesize(market, stocks=12, days=260)
    return load_workflow(ROOT / "configs" / "demo.yaml", {"qlib_init.provider_uri": str(market)}).resolved()


def packs(
    config: ResolvedRun,
    results: Path,
    seeds: list[int],
    label: str = "tuned",
    *,
    width: int | None = None,
    progress: Silent | None = None,
) -> PackJobs:
    slots = SlotTable([CPU], 1)
    opened = open_candidate(Candidate(label, "study", 3, config), seeds, results, force=False)
    return PackJobs([opened], seeds, slots, width, results, force=False, progress=progress or Silent())


def name(config: ResolvedRun, seed: int) -> str:
    return run_id(config.with_seed(seed), fingerprint(Provider(config.qlib_init.provider_uri)))


def record(results: Path, config: ResolvedRun, seed: int, *, diverged: bool = False) -> None:
    folder = results / "study" / name(config, seed)
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps({} if diverged else {"IC": 0.05}))
    (folder / "provenance.json").write_text("{}")


def work_off(source: PackJobs, results: Path, config: ResolvedRun) -> list[Job]:
    slot, jobs = Slot(CPU, 0), []
    while (job := source.claim(slot)) is not None:
        jobs.append(job)
        source.started(job, slot)
        for seed in job.payload["seeds"]:
            record(results, config, seed)
        runs = {seed: name(config, seed) for seed in job.payload["seeds"]}
        source.finished(job, slot, {"runs": runs, "errors": {}, "computed": len(runs)})
    return jobs


def manifest(results: Path) -> Bench:
    found = Bench.load(results / "study")
    assert found is not None
    return found


def test_what_has_a_record_is_not_trained_again(config: ResolvedRun, tmp_path: Path) -> None:
    assert [job.payload["seeds"] for job in work_off(packs(config, tmp_path, [0, 1]), tmp_path, config)] == [
        [0],
        [1],
    ]
    again = packs(config, tmp_path, [0, 1, 2])
    assert [job.payload["seeds"] for job in work_off(again, tmp_path, config)] == [[2]]
    assert manifest(tmp_path).rows["tuned"].seeds == (0, 1, 2)
    assert set(manifest(tmp_path).rows["tuned"].runs) == {0, 1, 2}


def test_a_row_with_an_open_end_has_the_names_of_its_runs(config: ResolvedRun, tmp_path: Path) -> None:
    segments = config.task.dataset.kwargs.segments.model_dump(mode="json")
    content = config.to_file()
    handler = content["task"]["dataset"]["kwargs"]["handler"]["kwargs"]
    handler["end_time"] = None
    content["task"]["dataset"]["kwargs"]["segments"] = segments | {"test": [segments["test"][0], None]}
    left_open = RunConfig.model_validate(content).resolved()
    assert left_open.task.dataset.kwargs.segments.is_open
    provider = Provider(config.qlib_init.provider_uri)
    closed = close_segments(left_open, provider)
    source = packs(left_open, tmp_path, [0])
    work_off(source, tmp_path, closed)
    row = manifest(tmp_path).rows["tuned"]
    assert row.runs == {0: name(closed, 0)}
    last = row.workflow["task"]["dataset"]["kwargs"]["segments"]["test"][1]
    assert last == str(provider.calendar[-1])
    assert work_off(packs(left_open, tmp_path, [0]), tmp_path, closed) == []


def test_two_benches_of_a_row_keep_each_others_runs(config: ResolvedRun, tmp_path: Path) -> None:
    one, other = packs(config, tmp_path, [0, 1]), packs(config, tmp_path, [2, 3])
    work_off(one, tmp_path, config)
    work_off(other, tmp_path, config)
    row = manifest(tmp_path).rows["tuned"]
    assert (row.seeds, set(row.runs)) == ((0, 1, 2, 3), {0, 1, 2, 3})


def test_a_row_of_another_configuration_is_replaced_with_a_note(config: ResolvedRun, tmp_path: Path) -> None:
    work_off(packs(config, tmp_path, [0, 1]), tmp_path, config)
    progress = Silent()
    packs(config, tmp_path, [2], progress=progress)
    assert progress.notes == []
    uri = config.qlib_init.provider_uri
    overrides = [f"qlib_init.provider_uri={uri}", "task.model.kwargs.hidden_size=3"]
    other = load_workflow(ROOT / "configs" / "demo.yaml", overrides)
    packs(other.resolved(), tmp_path, [0], progress=progress)
    (note,) = progress.notes
    assert note.startswith("study/tuned had another configuration or other data, with 2 runs: it is replaced")
    assert manifest(tmp_path).rows["tuned"].seeds == (0,)


def test_two_benches_of_two_rows_keep_both(config: ResolvedRun, tmp_path: Path) -> None:
    other_config = config.with_seed(0).model_copy(update={"experiment_name": "other"})
    one, other = packs(config, tmp_path, [0]), packs(other_config, tmp_path, [5], "default")
    work_off(other, tmp_path, other_config)
    work_off(one, tmp_path, config)
    assert set(manifest(tmp_path).rows) == {"tuned", "default"}


def test_a_run_that_diverged_stays_a_failure(config: ResolvedRun, tmp_path: Path) -> None:
    record(tmp_path, config, 0, diverged=True)
    source = packs(config, tmp_path, [0])
    assert source.claim(Slot(CPU, 0)) is None
    assert "diverged" in source.rows["tuned"].failures[0]
    assert "diverged" in manifest(tmp_path).rows["tuned"].failures[0]


def test_other_settings_under_the_same_label_begin_anew(config: ResolvedRun, tmp_path: Path) -> None:
    work_off(packs(config, tmp_path, [0, 1]), tmp_path, config)
    content = config.to_file()
    content["task"]["model"]["kwargs"]["hidden_size"] = 8
    changed = RunConfig.model_validate(content).resolved()
    work_off(packs(changed, tmp_path, [4]), tmp_path, changed)
    row = manifest(tmp_path).rows["tuned"]
    assert (row.seeds, set(row.runs)) == ((4,), {4})


def test_a_failed_pack_leaves_the_seeds_that_it_recorded(config: ResolvedRun, tmp_path: Path) -> None:
    source, slot = packs(config, tmp_path, [0, 1, 2], width=3), Slot(CPU, 0)
    job = source.claim(slot)
    assert job is not None
    source.started(job, slot)
    record(tmp_path, config, 0)
    source.failed(job, slot, Failed("raised", "ValueError: no"))
    row = manifest(tmp_path).rows["tuned"]
    assert (set(row.runs), row.failures) == ({0}, {1: "ValueError: no", 2: "ValueError: no"})


def test_a_pack_is_split_into_halves_until_it_has_one_seed(config: ResolvedRun, tmp_path: Path) -> None:
    source = packs(config, tmp_path, [0, 1, 2], width=3)
    job = source.claim(Slot(CPU, 0))
    assert job is not None
    halves = source.split(job)
    assert [half.payload["seeds"] for half in halves] == [[0], [1, 2]]
    assert [source.split(half) == [] for half in halves] == [True, False]
    assert halves[0].payload == {**job.payload, "seeds": [0]}
