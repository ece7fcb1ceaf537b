"""Read a Qlib folder with pyqlib: ``python read_market.py PROVIDER OUT``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"

import qlib
from qlib.data import D

FIELDS = ["open", "high", "low", "close", "volume", "factor", "change"]


def main(provider: str, out: Path) -> None:
    qlib.init(provider_uri=provider, region="cn", kernels=1, logging_level=40)
    for name, instruments in (
        ("csi300", D.instruments("csi300")),
        ("all", D.instruments("all")),
        ("index", ["SH000300"]),
    ):
        bars = D.features(instruments, [f"${field}" for field in FIELDS])
        bars = bars.set_axis(FIELDS, axis=1).reset_index()
        bars.to_parquet(out / f"{name}.parquet", index=False)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
