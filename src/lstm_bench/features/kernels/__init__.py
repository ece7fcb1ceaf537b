"""Compiled kernels over histories ``[N, T]``: one instrument per row, oldest day first.

Every kernel takes ``x`` float64 ``[N, T]`` and ``first``, ``last`` ``[N]`` int64, the inclusive span of days that
exist. Results are NaN outside the span. A window never reaches before ``first``. Missing values are NaN inside the
span. A ``window`` longer than T covers everything since ``first``.

Kernels run single-threaded and release the interpreter lock: the caller spreads blocks of instruments over threads.
"""

__all__: list[str] = []
