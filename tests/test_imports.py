"""Imports run one way, and the command line starts without the heavy packages."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lstm_bench

SOURCE = Path(lstm_bench.__file__).parent
LAYERS = ["data", "features", "dataset", "model", "evaluate", "run", "study", "report", "api", "cli"]
LEAVES = {"errors", "config", "counting", "kernel"}


def imported_parts(path: Path) -> set[str]:
    """Top-level parts of the package that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: relative import"
    return {name.split(".")[1] for name in names if name.startswith("lstm_bench.")}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_what_is_below_it(layer: str) -> None:
    allowed = {*LEAVES, *LAYERS[: LAYERS.index(layer) + 1]}
    for path in [*(SOURCE / layer).rglob("*.py"), *SOURCE.glob(f"{layer}.py")]:
        upward = imported_parts(path) - allowed
        assert not upward, f"{path.relative_to(SOURCE)} imports {upward}"


def test_leaves_import_nothing_but_leaves() -> None:
    assert imported_parts(SOURCE / "errors.py") == set()
    for path in (SOURCE / "config").rglob("*.py"):
        assert imported_parts(path) <= LEAVES, path.name


def test_every_part_is_in_the_picture() -> None:
    parts = {
        path.stem
        for path in SOURCE.iterdir()
        if path.name not in ("__init__.py", "__main__.py", "py.typed", "__pycache__")
    }
    assert parts == {*LAYERS, *LEAVES}


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
        ["leaderboard", "--help"],
        ["compare", "--help"],
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
        "heavy = {'torch', 'numpy', 'pandas', 'numba', 'pyarrow', 'optuna', 'scipy', 'wandb', 'mlflow'}\n"
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
        if path.name == "__init__.py":  # the package's own is lazy; tests/test_api.py holds its names
            continue
        assert exported, f"{path.relative_to(SOURCE)} has no __all__"
        assert set(exported[0]) <= defined, f"{path.relative_to(SOURCE)}: {set(exported[0]) - defined}"
