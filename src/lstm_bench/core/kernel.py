"""Compiled kernels, and the folder that caches their machine code.

numba caches a kernel's code by the kernel's own file, although the code holds a copy of every kernel that it calls from
other files. The cache folder is therefore named by a digest of all files with kernels, so that no stale code is used.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numba
import numba.core.event
import platformdirs

__all__ = ["cache_folder", "kernel", "kernel_files"]

Function = TypeVar("Function", bound=Callable[..., Any])

_settings: Any = numba.config

_PACKAGE = f"{__name__.partition('.')[0]}."

logger = logging.getLogger(__name__)


def kernel(*, error_model: Literal["python", "numpy"] = "python") -> Callable[[Function], Function]:
    """Compile a function on its first call, to run without the interpreter lock.

    Parameters
    ----------
    error_model
        What division by zero does: raise, or give infinity or NaN.
    """

    def compiled(function: Function) -> Function:
        folder = cache_folder()
        elsewhere = _settings.CACHE_DIR  # of other packages
        _settings.CACHE_DIR = str(folder or "")
        try:
            dispatcher = numba.njit(nogil=True, error_model=error_model, cache=folder is not None)(function)
        finally:
            _settings.CACHE_DIR = elsewhere
        return cast(Function, dispatcher)

    return compiled


@cache
def cache_folder() -> Path | None:
    """Return the folder of this version's machine code, in ``NUMBA_CACHE_DIR`` or else the user's cache folder.

    None if it cannot be written: kernels are then compiled in each process.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in kernel_files())).hexdigest()[:16]
    configured = _settings.CACHE_DIR
    folder = Path(configured) if configured else platformdirs.user_cache_path("lstm-bench") / "kernels"
    folder = folder / f"lstm-bench-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return folder


class _FirstCompilation(numba.core.event.Listener):
    """Logs the first compilation of a process, which takes long."""

    is_logged = False

    def on_start(self, event: Any) -> None:
        name = event.data["dispatcher"].py_func.__module__
        if not _FirstCompilation.is_logged and name.startswith(_PACKAGE):
            _FirstCompilation.is_logged = True
            folder = cache_folder()
            kept = "for no folder can keep them" if folder is None else f"and keeping them in {folder}"
            often = "in this process" if folder is None else "once for this machine"
            logger.info("compiling kernels %s, %s: up to a minute", often, kept)

    def on_end(self, event: Any) -> None:
        pass


numba.core.event.register("numba:compile", _FirstCompilation())  # type: ignore[no-untyped-call]


_MARKS = (b"import numba", b"from numba", b"from llvmlite", b"@kernel(")
"""Each file that affects machine code contains one of them."""


def kernel_files() -> tuple[Path, ...]:
    """Source files with kernels, sorted."""
    sources = Path(__file__).parents[1].rglob("*.py")
    return tuple(sorted(path for path in sources if any(mark in path.read_bytes() for mark in _MARKS)))
