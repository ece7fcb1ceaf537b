"""All extras resolve from the public registry against ``constraints.txt``, on every platform and Python.

uv evaluates the markers of another platform and Python; pip would evaluate those of this machine. pip itself
resolves for this machine, without its configuration or local files: what an ordinary machine would install.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
EXTRAS = sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
PYTHONS = ["3.11.2", "3.12", "3.13", "3.14"]  # 3.11.2 is Debian 12's
PLATFORMS = {
    "Linux x86_64": "x86_64-manylinux_2_28",
    "Linux aarch64": "aarch64-manylinux_2_28",
    "macOS arm64": "aarch64-apple-darwin",
}
# torch pins the packages of CUDA that it needs by itself
PINNED_BY_TORCH = ("nvidia-", "cuda-")

pytestmark = pytest.mark.install


def pinned() -> dict[str, str]:
    lines = [Requirement(line) for line in CONSTRAINTS.read_text().splitlines() if line]
    return {canonicalize_name(line.name): str(line.specifier).removeprefix("==") for line in lines}


def resolve(platform: str, python: str) -> dict[str, str]:
    """Resolve all extras together as on that platform: the version of each package."""
    uv = shutil.which("uv", path=Path(sys.executable).parent)
    assert uv is not None, "uv belongs to the dev extra"
    command = [
        uv,
        "pip",
        "compile",
        "--no-config",
        "--quiet",
        "--no-annotate",
        "--no-header",
        "--only-binary",
        ":all:",
    ]
    command += [
        "--constraint",
        str(CONSTRAINTS),
        "--python-platform",
        platform,
        "--python-version",
        python,
        "--all-extras",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    environment["MACOSX_DEPLOYMENT_TARGET"] = "14.0"  # the oldest that torch has wheels for
    result = subprocess.run(
        [*command, str(ROOT / "pyproject.toml")], capture_output=True, text=True, env=environment
    )
    assert result.returncode == 0, f"{platform}, Python {python}:\n{result.stderr}"
    lines = [Requirement(line) for line in result.stdout.splitlines() if line]
    return {canonicalize_name(line.name): str(line.specifier).removeprefix("==") for line in lines}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_all_extras_together_resolve_to_pinned_versions(platform: str) -> None:
    # a solution with every package pinned holds for each extra alone: it needs a part of the same packages
    print(f"\n{platform}")
    for python in PYTHONS:
        found = resolve(PLATFORMS[platform], python)
        versions = {name: of for name, of in found.items() if not name.startswith(PINNED_BY_TORCH)}
        loose = versions.items() - pinned().items()
        assert not loose, f"{platform}, Python {python}: constraints.txt does not pin {dict(loose)}"
        print(f"  Python {python:6}  {len(versions)} packages, {len(found) - len(versions)} of CUDA")


@pytest.mark.parametrize("of", ["", f"[{','.join(EXTRAS)}]"], ids=["no extra", "all extras"])
def test_pip_resolves_on_this_machine(of: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [
        sys.executable,
        "-m",
        "pip",
        "--isolated",
        "install",
        "--dry-run",
        "--ignore-installed",
        "--quiet",
    ]
    command += ["--constraint", str(CONSTRAINTS), "--report", str(report), f"{ROOT}{of}"]
    environment = os.environ | {
        "PIP_CONFIG_FILE": os.devnull
    }  # --isolated leaves the machine's configuration on
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    packages = json.loads(report.read_text())["install"]
    local = [one["download_info"]["url"] for one in packages if "dir_info" not in one["download_info"]]
    assert all(url.startswith("https:") for url in local), "a package came from this machine"
    print(f"\npip, lstm-bench{of}: {len(packages)} packages")
