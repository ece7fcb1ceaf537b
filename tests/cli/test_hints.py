"""Commands that are proposed: each one works as it is printed, wherever the store, the data and the records lie."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]
INLINE = ["--devices", "cpu", "--executor", "inline"]
STORE, OUT = "my store/s t.journal", "my results"


def proposed(text: str, verb: str) -> list[str]:
    """Words of the command that a text proposes behind ``verb``, as a shell reads them."""
    found = re.search(rf"{verb} lstm-bench (.*)$", text, re.MULTILINE)
    assert found is not None, text
    return shlex.split(found[1])


def test_each_step_proposes_the_next_one_with_the_options_that_were_given(
    here: Run, market: Path, study_file: Path
) -> None:
    data = Path("the data")
    data.symlink_to(market)
    create = [
        "study",
        "create",
        "one",
        "--from",
        study_file,
        "--provider-uri",
        data,
        "--seeds",
        "1",
        "--trials",
        "1",
    ]
    created = here(*create, "--storage", STORE)
    assert created.returncode == 0, created.stderr
    tune = proposed(created.stdout, "next:")
    assert tune == ["tune", "--study", "one", "--storage", STORE]

    untuned = here("bench", "--study", "one", "--storage", STORE, "--out", OUT, "--provider-uri", data)
    again = proposed(untuned.stderr, "run:")
    assert again == [
        "tune", "--study", "one", "--provider-uri", str(data), "--out", OUT, "--storage", STORE
    ]  # fmt: skip
    tuned = here(*again, *INLINE)
    assert tuned.returncode == 0, tuned.stderr
    bench = proposed(tuned.stdout, "next:")
    assert bench == [
        "bench", "--study", "one", "--seeds", "20", "--provider-uri", str(data), "--out", OUT, "--storage", STORE
    ]  # fmt: skip
    benched = here(*[word if word != "20" else "2" for word in bench], *INLINE)
    assert benched.returncode == 0, benched.stderr
    assert "seeds 1-2, the first 2 that tuning did not use" in benched.stdout
    leaderboard = proposed(benched.stdout, "next:")
    assert leaderboard == ["leaderboard", "--results", OUT]
    assert "one/tuned" in here(*leaderboard).stdout

    again = proposed(here(*create, "--storage", STORE, "--trials", "7").stdout, "trials stays 1, not 7;")
    assert again[-2:] == ["changes", "it"]
    assert here(*again[:-2]).returncode == 0
    assert "7 trials of at most" in here("study", "show", "--study", "one", "--storage", STORE).stdout


def test_what_is_not_there_is_proposed_on_the_same_store(here: Run) -> None:
    for words in (["study", "show"], ["study", "list"], ["tune", "--study", "s"]):
        done = here(*words, "--storage", STORE)
        assert proposed(done.stdout + done.stderr, "(?:make one|yet):") == [
            "study",
            "create",
            "--storage",
            STORE,
        ]


def test_seeds_that_are_proposed_are_taken(here: Run, market: Path, study_file: Path) -> None:
    here("study", "create", "one", "--from", study_file, "--provider-uri", market, "--seeds", "0,2,3")
    refused = here("bench", "--study", "one", "--seeds", "2-4")
    seeds = refused.stderr.strip().rsplit(" ", 1)[-1]
    assert seeds == "1,4-5"
    assert "--seeds" not in here("bench", "--study", "one", "--seeds", seeds).stderr


def test_a_study_files_command_is_quoted(here: Run, market: Path, study_file: Path) -> None:
    odd = Path("my study.yaml")
    odd.write_text(study_file.read_text())
    refused = here("run", odd)
    found = re.search(r"`lstm-bench (.*)` takes it", refused.stderr)
    assert found is not None
    done = here(*shlex.split(found[1]), "--provider-uri", market, "--set", "experiment_name=x")
    assert "takes it" not in done.stderr
    stale = here("leaderboard", "--check", "--out", "my page.md")
    found = re.search(r"`lstm-bench (.*)` makes it", stale.stderr)
    assert found is not None
    assert here(*shlex.split(found[1])).returncode == 0
    assert Path("my page.md").is_file()
