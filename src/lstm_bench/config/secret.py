"""Passwords, which nothing that is printed or kept may show."""

from __future__ import annotations

import re

__all__ = ["without_password"]


def without_password(text: str) -> str:
    """Put stars in the place of a password in a database URL.

    >>> without_password("postgresql://user:secret@host/studies?password=secret")
    'postgresql://user:***@host/studies?password=***'
    """
    return re.sub(r"(password=)[^&\s]*", r"\1***", re.sub(r"(//[^:/@\s]*):\S*@", r"\1:***@", text))
