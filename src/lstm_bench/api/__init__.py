"""The Python API: what the command line does, from a notebook or a script.

Its names are those of the package itself, ``lstm_bench.run`` and so on. Long tables are indexed by ``datetime`` and
``instrument``, as Qlib's are; rates are fractions.
"""
