"""Machine code is never older than the source of any kernel."""

from __future__ import annotations

import ast
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import lstm_bench.core.kernel
from lstm_bench.core.kernel import kernel_files

SOURCE = Path(lstm_bench.core.kernel.__file__).parents[1]

CALLED = "from lstm_bench.core.kernel import kernel\n@kernel()\ndef called(x):\n    return x + {}\n"
CALLER = (
    "from lstm_bench.called import called\nfrom lstm_bench.core.kernel import cache_folder, kernel\n"
    "@kernel()\ndef caller(x):\n    return called(x)\n"
    "print(caller(0), cache_folder() is not None)\n"
)


def call(package: Path, cache: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", "import lstm_bench.caller"],
        env=os.environ | {"PYTHONPATH": str(package.parent), "NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_changed_kernel_is_compiled_into_its_callers(tmp_path: Path) -> None:
    package = tmp_path / "lstm_bench"
    (package / "core").mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copy(SOURCE / "core" / "kernel.py", package / "core")
    (package / "caller.py").write_text(CALLER)
    (package / "called.py").write_text(CALLED.format(1))
    cache = tmp_path / "cache"
    assert call(package, str(cache)) == "1 True"
    assert len(list(cache.rglob("*.nbi"))) == 2
    (package / "called.py").write_text(CALLED.format(2))
    assert call(package, str(cache)) == "2 True"
    # where nothing can be written, nothing old is found either
    (package / "called.py").write_text(CALLED.format(3))
    assert call(package, os.devnull) == "3 False"
    assert not list(package.rglob("*.nbi"))


def test_kernels_use_nothing_from_files_without_kernels() -> None:
    # or a change there would go unnoticed
    files = set(kernel_files())
    assert SOURCE / "features" / "kernels" / "rolling.py" in files
    code = {
        "bf16.py",
        "cell.py",
        "generated.py",
        "lanes.py",
        "panels.py",
        "products.py",
        "sequence.py",
        "tile.py",
    }
    assert {path.name for path in files if path.parent.name == "cpu"} == code
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            alias.asname or alias.name: SOURCE.joinpath(*node.module.split(".")[1:]).with_suffix(".py")
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lstm_bench.")
            for alias in node.names
        }
        for function in tree.body:
            if not (isinstance(function, ast.FunctionDef) and function.decorator_list):
                continue
            used = {
                node.id for part in function.body for node in ast.walk(part) if isinstance(node, ast.Name)
            }
            for name in used & imported.keys():
                assert imported[name] in files, f"{path.name}: {function.name} uses {name}"


def test_the_first_compilation_of_a_kernel_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lstm_bench.core.kernel._FirstCompilation, "is_logged", False)
    listener = lstm_bench.core.kernel._FirstCompilation()

    def compile_function_of(module: str) -> None:
        function = SimpleNamespace(__module__=module)
        listener.on_start(SimpleNamespace(data={"dispatcher": SimpleNamespace(py_func=function)}))

    with caplog.at_level(logging.INFO):
        compile_function_of("numba.typed")
        assert not caplog.records
        for _ in range(2):
            compile_function_of("lstm_bench.features.kernels.rolling")
    (record,) = caplog.records
    assert record.message.startswith("compiling kernels once for this machine")
