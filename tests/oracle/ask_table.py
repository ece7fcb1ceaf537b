"""A handler's tables as pyqlib makes them.

Run as ``python ask_table.py PROVIDER REQUEST OUT``. ``REQUEST`` is a JSON file with the section ``handler`` of a
workflow file; ``OUT/{raw,infer,learn}.parquet`` get ``datetime``, ``instrument`` and a float32 column for each of the
handler's, named ``feature:NAME`` or ``label:NAME``, and ``OUT/order.json`` the columns' order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np


def main() -> None:
    provider, request, out = (Path(argument) for argument in sys.argv[1:])
    import qlib
    from qlib.data.dataset.handler import DataHandlerLP
    from qlib.utils import init_instance_by_config

    qlib.init(provider_uri=str(provider), region="cn", kernels=1, logging_level=40)
    handler = init_instance_by_config(json.loads(request.read_text(encoding="utf-8")))
    keys = {"raw": DataHandlerLP.DK_R, "infer": DataHandlerLP.DK_I, "learn": DataHandlerLP.DK_L}
    for key, name in keys.items():
        table = handler.fetch(col_set=DataHandlerLP.CS_RAW, data_key=name)
        # a new table, for without processors that of one key is another key's too
        table = table.set_axis([f"{group}:{column}" for group, column in table.columns], axis=1)
        table.astype(np.float32).reset_index().to_parquet(out / f"{key}.parquet", index=False)
        (out / "order.json").write_text(json.dumps(list(table.columns)) + "\n")


if __name__ == "__main__":
    main()
