"""The colours of figures and pages: names -> a light and a dark value."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["PALETTE", "resolve"]

PALETTE: Mapping[str, tuple[str, str]] = {
    # series: after Okabe and Ito, distinguishable with all common kinds of colour vision
    "blue": ("#0072b2", "#56a9e8"),
    "orange": ("#d55e00", "#f2914a"),
    "green": ("#008a69", "#3cc79d"),
    "purple": ("#a24d8f", "#d792c8"),
    "gold": ("#b98700", "#e6c04c"),
    "grey": ("#737b86", "#98a1ad"),
    # surfaces and text
    "ink": ("#1b1f24", "#e7e9ec"),
    "muted": ("#59626e", "#a3abb6"),
    "rule": ("#e2e5e9", "#2d333b"),
    "card": ("#ffffff", "#171b20"),
    "ground": ("#f5f6f8", "#0e1114"),
}
"""Name -> hexadecimal colours on a light and on a dark ground."""


def resolve(colour: str, *, dark: bool = False) -> tuple[str, float]:
    """Resolve ``@name`` or ``@name/30`` (per cent of opacity) to a hexadecimal colour and an opacity from 0 to 1."""
    name, _, opacity = colour.removeprefix("@").partition("/")
    return PALETTE[name][dark], int(opacity) / 100 if opacity else 1.0
