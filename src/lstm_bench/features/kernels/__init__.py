"""Compiled kernels over histories ``[N, T]``: one instrument a row, oldest day first.

Every kernel takes ``x`` float64 ``[N, T]`` and ``first``, ``last`` ``[N]`` int64, the inclusive span of days
that exist; outside it there is nothing, and results are NaN there. A window never reaches before ``first``.
Missing values are NaN inside the span. A ``window`` longer than T means everything since ``first``.

Kernels run single-threaded without the interpreter lock: the caller spreads blocks of instruments over
threads.
"""

__all__: list[str] = []
