"""Expressions as pyqlib works them out.

Run as ``python ask_features.py PROVIDER REQUEST OUT``. ``REQUEST`` is a JSON file with ``instruments``, ``start``,
``end`` and ``expressions``; ``OUT/features.parquet`` gets ``datetime``, ``instrument`` and a float32 column for
each expression, named by its position.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd


def ask(
    provider: Path, instruments: Sequence[str], start: str, end: str, expressions: Sequence[str]
) -> pd.DataFrame:
    import qlib
    from qlib.data import D

    qlib.init(provider_uri=str(provider), region="cn", kernels=1, expression_cache=None, dataset_cache=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table: pd.DataFrame = D.features(list(instruments), list(expressions), start, end, freq="day")
    table.columns = [str(position) for position in range(len(expressions))]
    return table.astype(np.float32).reset_index()


def main() -> None:
    provider, request, out = (Path(argument) for argument in sys.argv[1:])
    wanted = json.loads(request.read_text(encoding="utf-8"))
    table = ask(provider, wanted["instruments"], wanted["start"], wanted["end"], wanted["expressions"])
    table.to_parquet(out / "features.parquet", index=False)


if __name__ == "__main__":
    main()
