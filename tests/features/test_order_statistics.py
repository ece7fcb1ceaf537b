from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lstm_bench.features.order_statistics import median_and_deviation

COLUMNS = hnp.arrays(
    np.float32,
    st.integers(0, 60),
    elements=st.one_of(
        st.floats(width=32, allow_nan=True, allow_infinity=True),
        st.sampled_from([0.0, -0.0, 1.0, -1.0, 1.5, 2.0]),
    ),
)


def plain(values: npt.NDArray[np.float32]) -> np.float32:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return np.float32(np.nanmedian(values)) if len(values) else np.float32(np.nan)


@given(COLUMNS)
def test_median_and_deviation_are_nanmedians(values: npt.NDArray[np.float32]) -> None:
    center, deviation = median_and_deviation(values)
    np.testing.assert_array_equal(center, plain(values))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(deviation, plain(np.abs(values - center)))


def test_long_columns_of_ratios() -> None:
    rng = np.random.default_rng(0)
    for size in (9_999, 10_000):
        values = (1 + 0.02 * rng.standard_normal(size)).astype(np.float32)
        values[rng.random(size) < 0.05] = np.nan
        center, deviation = median_and_deviation(values)
        assert center == np.nanmedian(values)
        assert deviation == np.nanmedian(np.abs(values - center))
