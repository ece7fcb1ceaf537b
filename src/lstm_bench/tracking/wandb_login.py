"""Finds the server and login that Weights & Biases would use, without importing it.

As in W&B, the environment comes first, then the settings file of the working folder, then the user's.

``wandb.Settings`` is not suitable: importing wandb takes seconds, and its settings neither show the source of a value
nor include keys of a netrc file.
"""

from __future__ import annotations

import configparser
import netrc
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["WandbLogin", "find_login"]

_SERVER = "https://api.wandb.ai"


@dataclass(frozen=True)
class WandbLogin:
    """The W&B settings on this machine, without the key itself.

    Attributes
    ----------
    mode : online, offline or disabled
    mode_from : the variable or file that sets it; None for the default
    host : of the server, with its port if given
    key : the variable or file that has a key for the host; None if there is none
    warning : which file cannot be read for a key, and why; None if nothing is wrong
    """

    mode: str
    mode_from: str | None
    host: str
    key: str | None
    warning: str | None


def find_login() -> WandbLogin:
    """Find the server, the mode and the key's source: a variable, a settings file or the netrc of ``wandb login``."""
    server, _ = _setting("base_url")
    host = urlsplit(server or _SERVER).netloc.rpartition("@")[2]
    mode, mode_from = _setting("mode")
    _, key = _setting("api_key")
    if key is None:
        _, key = _setting("identity_token_file")
    warning = None
    if key is None:
        key, warning = _from_netrc(host)
    return WandbLogin(mode or "online", mode_from, host, key, warning)


def _setting(name: str) -> tuple[str | None, str | None]:
    """Return a setting's value, and the variable or file that it is from."""
    variable = f"WANDB_{name.upper()}"
    if value := os.environ.get(variable):
        return value, variable
    for path in _settings_files():
        parser = configparser.ConfigParser()
        try:
            parser.read(path)
            value = parser.get("default", name, fallback=None)
        except (OSError, UnicodeDecodeError, configparser.Error):
            continue  # W&B warns, and continues without the file
        if value:
            return value, str(path)
    return None, None


def _settings_files() -> tuple[Path, Path]:
    folder = Path(os.environ.get("WANDB_DIR") or ".").expanduser()
    local = folder / (".wandb" if (folder / ".wandb").exists() else "wandb")
    user = Path(os.environ.get("WANDB_CONFIG_DIR") or "~/.config/wandb").expanduser()
    return local / "settings", user / "settings"


def _from_netrc(host: str) -> tuple[str | None, str | None]:
    """Return the netrc file if it has a key for a host, and what is wrong with the file."""
    path = _netrc_file()
    try:
        found = netrc.netrc(path).authenticators(host)
    except FileNotFoundError:
        return None, None
    except netrc.NetrcParseError as error:
        line = "" if error.lineno is None else f", line {error.lineno}"
        # the message of netrc quotes the offending word, which may be a password
        return None, f"{path}{line}: cannot be parsed; no key is read from this file"
    except UnicodeDecodeError:
        return None, f"{path}: cannot be read: not UTF-8 text; no key is read from this file"
    except OSError as error:
        return None, f"{path}: cannot be read: {error.strerror}; no key is read from this file"
    return (str(path), None) if found and found[2] else (None, None)


def _netrc_file() -> Path:
    if given := os.environ.get("NETRC"):
        return Path(given).expanduser()
    usual, other = Path.home() / ".netrc", Path.home() / "_netrc"
    return other if other.exists() and not usual.exists() else usual
