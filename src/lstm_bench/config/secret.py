"""Hides passwords in printed or stored text."""

from __future__ import annotations

import re

__all__ = ["without_password"]


def without_password(text: str) -> str:
    """Replace the password in a database URL by stars.

    >>> without_password("postgresql://user:secret@host/studies?password=secret")
    'postgresql://user:***@host/studies?password=***'
    """
    return re.sub(r"(password=)[^&\s]*", r"\1***", re.sub(r"(//[^:/@\s]*):\S*@", r"\1:***@", text))
