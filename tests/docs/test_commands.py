"""The commands of the documents: each one is spelt as the command line has it, and those that print are run."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from lstm_bench.cli.app import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "studies" / "README.md"]
PROCESSOR = 0.01
"""Most that a loss or a daily correlation differs between processors, as docs/python.md says."""


def commands_of(document: Path) -> Iterator[list[str]]:
    """Words of each command in an indented block, without the comment behind it."""
    text = document.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^ {4,}(?:\$ )?lstm-bench (.*)$", text, re.MULTILINE):
        yield shlex.split(line, comments=True)


COMMANDS = [
    pytest.param(words, id=f"{document.name}: {shlex.join(words)}")
    for document in DOCUMENTS
    if document.is_file()
    for words in commands_of(document)
]


def read(words: list[str]) -> None:
    """Read a command's words, options and their types, without doing anything."""
    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="lstm-bench")
    while hasattr(command, "resolve_command"):
        _, command, words = command.resolve_command(context, list(words))
        context = command.context_class(command, parent=context, info_name=command.name)
    command.parse_args(context, list(words))


@pytest.mark.parametrize("words", COMMANDS)
def test_each_command_is_spelt_as_the_command_line_has_it(words: list[str]) -> None:
    read(words)


@pytest.mark.parametrize(
    "words", ["tune --studies demo", "study shows", "run a.yaml --seed one", "compare one", "tune --trials 0"]
)
def test_a_command_that_is_not_would_be_seen(words: str) -> None:
    with pytest.raises(Exception, match=r"No such|Missing|Input should be"):
        read(words.split())


def test_the_documents_have_commands() -> None:
    assert len(COMMANDS) > 30


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documents assume: the market of ``data synth``, and the checkout's."""
    folder = tmp_path_factory.mktemp("documents")
    for name in ("configs", "studies"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("store*", ".*"))
    shown(folder, "data", "synth", "market")
    return folder


def shown(place: Path, *words: str) -> str:
    """Output of a command."""
    own = {"LSTM_BENCH_CACHE": str(place / "cache"), "LSTM_BENCH_STORAGE": str(place / "store.journal")}
    done = subprocess.run(
        [sys.executable, "-m", "lstm_bench", *words],
        cwd=place, env=os.environ | own | {"COLUMNS": "160"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.documents
def test_the_program_of_the_python_page_prints_what_it_says(place: Path) -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    found = re.search(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    (place / "program.py").write_text(found[1], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    documented = [ast.literal_eval(line) for line in re.findall(r"^    (\{.*\})$", page, re.MULTILINE)]
    printed = [ast.literal_eval(line) for line in done.stdout.splitlines()]
    assert [list(one) for one in printed] == [list(one) for one in documented]
    assert printed[1] == pytest.approx(documented[1], rel=1e-6)  # no model: the same on every processor
    for name in ("IC", "Rank IC"):
        assert printed[0][name] == pytest.approx(documented[0][name], abs=PROCESSOR)


@pytest.mark.documents
def test_the_program_of_the_page_on_other_models_prints_what_it_says(place: Path) -> None:
    pytest.importorskip("lightgbm")
    page = (ROOT / "docs" / "other-models.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (program,) = (text for text in programs if "lb." in text)
    (place / "other.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "other.py"], cwd=place, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (documented,) = (ast.literal_eval(line) for line in re.findall(r"^    (\{.*\})$", page, re.MULTILINE))
    printed = ast.literal_eval(done.stdout)
    for name in ("IC", "Rank IC"):
        assert printed[name] == pytest.approx(documented[name], abs=PROCESSOR)
    (command,) = re.findall(r"^    \$ lstm-bench (evaluate lightgbm.*)$", page, re.MULTILINE)
    output = shown(place, *shlex.split(command))
    for line in ("46,652 of 46,652 test samples have a score (100 %)", "the row demo/lightgbm has 1 seed"):
        assert line in page
        assert line in output
    assert "recorded before: results/demo/" in output


@pytest.mark.documents
def test_the_demonstrations_search_goes_as_the_page_on_studies_says(place: Path) -> None:
    page = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    shown(place, "study", "create", "demo", "--provider-uri", "market")
    first = shown(place, "tune", "--study", "demo", "--slots-per-device", "1")
    assert re.search(r"^6 trials: \d complete", first, re.MULTILINE)
    row = re.compile(r"^\s*│ (\d+) +│ +(\w+) │ +([\d.]+) │")
    documented = {found[1]: found for found in map(row.match, page.splitlines()) if found}
    table = shown(place, "study", "show", "demo")
    got = {found[1]: found for found in map(row.match, table.splitlines()) if found}
    assert set(documented) <= set(got)
    # the first trials are drawn before any result counts, and their losses differ by the processor alone
    for number in ("0", "1", "2"):
        assert float(got[number][3]) == pytest.approx(float(documented[number][3]), abs=PROCESSOR)
        here, there = (
            next(line for line in text.splitlines() if (m := row.match(line)) and m[1] == number).split("│")[
                -6:-1
            ]
            for text in (table, page)
        )
        assert [cell.strip() for cell in here] == [cell.strip() for cell in there]  # hidden_size .. step_len
    last = "trial 0: the workflow's values, moved into the space: hidden_size 64 -> 32, step_len 20 -> 10"
    assert last in page
    assert last in table
