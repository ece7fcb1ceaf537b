"""Products inside kernels, by every BLAS that may serve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba.extending import get_cython_function_address

from lstm_bench.kernel import kernel
from lstm_bench.model.compiled.blas import NORMAL, TRANSPOSED, Blas, blas, sgemm

SCIPY = Blas(get_cython_function_address("scipy.linalg.cython_blas", "sgemm"), "scipy")


@kernel()
def product(routine: int, a: Any, b: Any, c: Any, keep: Any) -> None:
    """``c = a' b + keep c`` on arrays in C's order: ``[k, m]``, ``[k, n]``, ``[m, n]``."""
    k, m = a.shape
    n = b.shape[1]
    sgemm(
        routine, NORMAL, TRANSPOSED, np.int32(n), np.int32(m), np.int32(k),
        np.intp(b.ctypes.data), np.int32(n), np.intp(a.ctypes.data), np.int32(m), keep,
        np.intp(c.ctypes.data), np.int32(n),
    )  # fmt: skip


@pytest.mark.parametrize("source", [blas(), SCIPY], ids=lambda source: source.owner)
@pytest.mark.parametrize("keep", [0.0, 1.0])
def test_a_product_is_numpys(source: Blas, keep: float) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((7, size)).astype(np.float32) for size in (5, 3))
    c = rng.standard_normal((5, 3)).astype(np.float32)
    expected = a.astype(np.float64).T @ b + keep * c
    product(source.address, a, b, c, np.float32(keep))
    np.testing.assert_allclose(c, expected, rtol=1e-5, atol=1e-6)
