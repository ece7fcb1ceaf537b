"""Alpha360: the last 60 days of six fields, each over its latest close or volume.

Prices are divided by the latest close, volumes by the latest volume, so that every instrument is on one
scale. A row of the table reshapes to ``[6, 60]``: fields in the order of :data:`FIELDS`, days oldest first.
"""

from __future__ import annotations

__all__ = ["DAYS", "FIELDS", "alpha360"]

#: Fields in the order of their columns.
FIELDS = ("close", "open", "high", "low", "vwap", "volume")

#: Days per field.
DAYS = 60


def alpha360() -> dict[str, str]:
    """Column -> expression, in Qlib's order: ``CLOSE59`` .. ``CLOSE0``, ``OPEN59`` .. ``VOLUME0``."""
    columns: dict[str, str] = {}
    for field in FIELDS:
        scale = "($volume+1e-12)" if field == "volume" else "$close"
        for days_ago in range(DAYS - 1, -1, -1):
            value = f"Ref(${field}, {days_ago})" if days_ago else f"${field}"
            columns[f"{field.upper()}{days_ago}"] = f"{value}/{scale}"
    return columns
