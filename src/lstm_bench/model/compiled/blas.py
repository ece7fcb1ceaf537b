"""Matrix products inside compiled kernels, by the BLAS that is here."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address
from threadpoolctl import threadpool_limits

from lstm_bench.model.compiled.generated import generated

__all__ = ["NORMAL", "TRANSPOSED", "Blas", "blas", "products_on_calling_thread", "sgemm"]

NORMAL, TRANSPOSED = np.int8(ord("N")), np.int8(ord("T"))
_BYTES = ir.IntType(8).as_pointer()


class Blas(NamedTuple):
    """Where single-precision products come from.

    Attributes
    ----------
    address : of Fortran's ``sgemm``
    owner : the package that brings it
    """

    address: int
    owner: Literal["torch", "scipy"]


@cache
def blas() -> Blas:
    """Find ``sgemm``: torch's own (MKL on x86-64) where its library shows it, otherwise SciPy's OpenBLAS."""
    library = Path(torch.__file__).parent / "lib" / "libtorch_cpu.so"
    if library.exists():
        symbol = getattr(ctypes.CDLL(str(library)), "sgemm_", None)
        if symbol is not None:
            address = ctypes.cast(symbol, ctypes.c_void_p).value
            assert address is not None
            return Blas(address, "torch")
    return Blas(get_cython_function_address("scipy.linalg.cython_blas", "sgemm"), "scipy")


@contextmanager
def products_on_calling_thread() -> Iterator[None]:
    """Keep SciPy's BLAS from sharing a product out to threads of its own; torch's goes by torch's number of threads."""
    if blas().owner == "torch":
        yield
        return
    with threadpool_limits(1, user_api="blas"):
        yield


_SMALL, _INTEGER, _REAL, _ADDRESS = types.int8, types.int32, types.float32, types.intp


@generated(
    _ADDRESS, _SMALL, _SMALL, _INTEGER, _INTEGER, _INTEGER, _ADDRESS, _INTEGER, _ADDRESS, _INTEGER, _REAL,
    _ADDRESS, _INTEGER,
)  # fmt: skip
def sgemm(
    builder: Any, routine: Any, form_a: Any, form_b: Any, m: Any, n: Any, k: Any, a: Any, pitch_a: Any,
    b: Any, pitch_b: Any, beta: Any, c: Any, pitch_c: Any,
) -> None:  # fmt: skip
    """Call ``C = A B + beta C`` on matrices in Fortran's order, given by their addresses.

    A matrix in C's order is its transpose here. The address of the routine is an argument, so that machine code
    which was kept serves a process where the routine lies elsewhere.
    """

    def by_reference(value: Any) -> Any:
        place: Any = cgutils.alloca_once_value(builder, value)  # type: ignore[no-untyped-call]
        return builder.bitcast(place, _BYTES)

    def matrix(value: Any) -> Any:
        return builder.inttoptr(value, _BYTES)

    alpha = ir.Constant(ir.FloatType(), 1.0)
    prototype = ir.FunctionType(ir.VoidType(), [_BYTES] * 13).as_pointer()
    builder.call(
        builder.inttoptr(routine, prototype),
        [
            *map(by_reference, [form_a, form_b, m, n, k, alpha]),
            matrix(a), by_reference(pitch_a), matrix(b), by_reference(pitch_b),
            by_reference(beta), matrix(c), by_reference(pitch_c),
        ],
    )  # fmt: skip
