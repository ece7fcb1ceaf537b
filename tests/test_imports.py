"""Imports run one way, and the command line starts without the heavy packages."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lstm_bench

SOURCE = Path(lstm_bench.__file__).parent
ROOMS = [
    "core", "statistics", "config", "data", "features", "dataset", "evaluate", "model", "record", "tracking",
    "run", "exec", "tune", "bench", "report", "api", "cli",
]  # fmt: skip
"""From the lowest to the highest: a room imports from itself and from rooms before it."""


def imported_modules(path: Path) -> set[str]:
    """Modules of the package that a file imports anywhere in it, deferred imports and those of types too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            module = node.module or ""
            # `from package import module` imports the module, `from module import name` does not
            found.update(
                f"{module}.{alias.name}" if is_module(f"{module}.{alias.name}") else module
                for alias in node.names
            )
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
    return {name for name in found if name == "lstm_bench" or name.startswith("lstm_bench.")}


def is_module(name: str) -> bool:
    """Tell whether the package has a module or package of that name."""
    path = SOURCE.parent / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_parts(path: Path) -> set[str]:
    """Rooms that a file imports from."""
    return {name.split(".")[1] for name in imported_modules(path) if name.count(".")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_below_it(room: str) -> None:
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    files = [*(SOURCE / room).rglob("*.py"), *SOURCE.glob(f"{room}.py")]
    assert files
    for path in files:
        upward = imported_parts(path) - allowed
        assert not upward, f"{path.relative_to(SOURCE)} imports {upward}"


def test_every_room_has_its_place() -> None:
    found = {
        path.stem
        for path in SOURCE.iterdir()
        if path.stem not in ("__init__", "__main__", "__pycache__", "py")
    }
    assert found == set(ROOMS)


def test_no_modules_import_each_other() -> None:
    graph = {module_name(path): imported_modules(path) for path in SOURCE.rglob("*.py")}
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def test_paths_of_training_are_imported_by_select_alone() -> None:
    for path in SOURCE.rglob("*.py"):
        name = module_name(path)
        if name == "lstm_bench.model.select" or name.startswith("lstm_bench.model.paths"):
            continue
        inside = {one for one in imported_modules(path) if one.startswith("lstm_bench.model.paths")}
        assert not inside, f"{name} imports {inside}"


@pytest.mark.parametrize(
    "room",
    [
        "core",
        "config",
        "data",
        "features",
        "dataset",
        "evaluate",
        "model",
        "record",
        "tracking",
        "run",
        "exec",
        "report",
    ],
)
def test_only_studies_know_optuna(room: str) -> None:
    for path in (SOURCE / room).rglob("*.py"):
        names = {
            name
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            )
        }
        assert not any(name.split(".")[0] == "optuna" for name in names), path


def test_optunas_internals_are_used_in_one_file() -> None:
    internal = re.compile(
        r"\._storage\b|\._study_id\b|\._trial_id\b|optuna\.[a-z]+\._|import _|_impl\("
        r"|_trial_allocation_budget|fixed_params"
    )
    for path in SOURCE.rglob("*.py"):
        if path != SOURCE / "tune" / "repository" / "optuna_internals.py" and "optuna" in path.read_text():
            assert not internal.search(path.read_text()), path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["init", "--help"],
        ["data", "synth", "--help"],
        ["data", "import", "--help"],
        ["data", "fetch", "--help"],
        ["data", "check", "--help"],
        ["features", "check", "--help"],
        ["study", "create", "--help"],
        ["tune", "--help"],
        ["bench", "--help"],
        ["baselines", "--help"],
        ["leaderboard", "--help"],
        ["compare", "--help"],
        ["controls", "--help"],
        ["predict", "--help"],
        ["report", "--help"],
        ["runs", "list", "--help"],
        ["doctor", "--help"],
        ["--version"],
    ],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; sys.argv = ['lstm-bench', *sys.argv[1:]]\n"
        "from lstm_bench.cli.app import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n    assert not done.code, done.code\n"
        "heavy = {'torch', 'numpy', 'pandas', 'numba', 'pyarrow', 'optuna', 'scipy', 'lightgbm', 'wandb', 'mlflow'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_all_names_exist() -> None:
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        defined = {
            name.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            for name in ast.walk(target)
            if isinstance(name, ast.Name)
        }
        defined |= {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        exported = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and target.id == "__all__"
        ]
        if path.name == "__init__.py":  # the package's own is lazy; tests/api/test_package.py holds its names
            continue
        assert exported, f"{path.relative_to(SOURCE)} has no __all__"
        assert set(exported[0]) <= defined, f"{path.relative_to(SOURCE)}: {set(exported[0]) - defined}"
