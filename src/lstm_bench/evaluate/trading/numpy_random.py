"""NumPy's legacy random generator, compiled: the samples of Qlib's random trading methods.

Qlib calls ``numpy.random.choice`` on the global generator. A stream started from a seed returns the same samples as
Qlib after ``numpy.random.seed(seed)``. The generator is the Mersenne Twister of Matsumoto and Nishimura (1998),
MT19937.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lstm_bench.core.kernel import kernel
from lstm_bench.data.arrays import Ints

__all__ = ["choose", "start_stream"]

_N, _M = 624, 397


def start_stream(seed: int) -> npt.NDArray[np.uint32]:
    """State of a stream, ``[625]`` uint32: NumPy's seeded key, then the position in it."""
    state = np.random.RandomState(seed).get_state(legacy=False)["state"]
    return np.append(state["key"], np.uint32(state["pos"])).astype(np.uint32)


@kernel()
def choose(population: Ints, size: int, stream: npt.NDArray[np.uint32]) -> Ints:
    """Sample as ``numpy.random.choice(population, size, replace=False)``; return all if ``size`` is impossible.

    A shuffle precedes every possible sample, even an empty one; an impossible one consumes no random numbers.
    """
    n = len(population)
    if size < 0 or size > n:
        return population
    shuffled = population.copy()
    for i in range(n - 1, 0, -1):
        j = _integer_up_to(i, stream)
        shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
    return shuffled[:size]


@kernel()
def _integer_up_to(top: int, stream: npt.NDArray[np.uint32]) -> int:
    """Sample an integer from 0 to ``top``: low bits of random words, until they are not above it."""
    mask = 1
    while mask < top:
        mask = 2 * mask + 1
    value = int(_next(stream) & mask)
    while value > top:
        value = int(_next(stream) & mask)
    return value


@kernel()
def _next(stream: npt.NDArray[np.uint32]) -> int:
    """Return the next 32 random bits."""
    if stream[_N] >= _N:
        _twist(stream)
    y = np.int64(stream[stream[_N]])
    stream[_N] += np.uint32(1)
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C5680
    y ^= (y << 15) & 0xEFC60000
    return int(y ^ (y >> 18))


@kernel()
def _twist(stream: npt.NDArray[np.uint32]) -> None:
    """Compute the next 624 words of the key."""
    for i in range(_N):
        y = (np.int64(stream[i]) & 0x80000000) | (np.int64(stream[(i + 1) % _N]) & 0x7FFFFFFF)
        word = np.int64(stream[(i + _M) % _N]) ^ (y >> 1)
        stream[i] = np.uint32(word ^ 0x9908B0DF if y & 1 else word)
    stream[_N] = 0
