"""Server, mode and key are found in the same places as by W&B."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lstm_bench.tracking.wandb_login import WandbLogin, find_login

KEY = "0123456789" * 4


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*filter(lambda name: name.startswith("WANDB_"), os.environ), "NETRC"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def put_netrc(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def put_settings(path: Path, **settings: str) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("[default]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    return path


def test_nothing_is_set() -> None:
    assert find_login() == WandbLogin("online", None, "api.wandb.ai", None, None)


def test_an_entry_of_the_host_and_port_is_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put_netrc(tmp_path / ".netrc", f"machine wandb.firm.example:8080 login user password {KEY}\n")
    assert find_login().key is None
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.firm.example:8080")
    assert find_login().key == str(path)
    other = put_netrc(tmp_path / "other", f"default login user password {KEY}\n")
    monkeypatch.setenv("NETRC", "~/other")
    assert find_login().key == str(other)


def test_an_entry_without_a_key_is_none(tmp_path: Path) -> None:
    put_netrc(tmp_path / ".netrc", 'machine api.wandb.ai login user password ""\n')
    assert find_login().key is None


def test_the_other_name_of_the_file_serves_as_well(tmp_path: Path) -> None:
    path = put_netrc(tmp_path / "_netrc", f"machine api.wandb.ai login user password {KEY}\n")
    assert find_login().key == str(path)


def test_settings_files_say_server_mode_and_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = put_settings(
        tmp_path / ".config" / "wandb" / "settings", base_url="https://wandb.firm.example", mode="offline"
    )
    found = find_login()
    assert (found.host, found.mode, found.mode_from) == ("wandb.firm.example", "offline", str(user))
    own = put_settings(Path("wandb/settings"), mode="online", api_key=KEY)
    found = find_login()
    assert (found.host, found.mode, found.mode_from) == ("wandb.firm.example", "online", str(own))
    assert found.key == str(own)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("WANDB_IDENTITY_TOKEN_FILE", "token")
    assert (find_login().mode, find_login().mode_from) == ("disabled", "WANDB_MODE")
    assert find_login().key == str(own)


@pytest.mark.parametrize("content", ["base_url = https://no.section\n", "[default]\n[default]\n"])
def test_a_settings_file_that_cannot_be_read_says_nothing(content: str, tmp_path: Path) -> None:
    put_settings(tmp_path / "wandb" / "settings").write_text(content)
    assert find_login() == WandbLogin("online", None, "api.wandb.ai", None, None)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"machine api.wandb.ai\nlgin user\n", ", line 2: "),
        (b"machine api.wandb.ai login \xff password k\n", ": cannot be read: "),
    ],
)
def test_a_netrc_that_cannot_be_read_is_a_warning(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / ".netrc"
    path.write_bytes(content)
    found = find_login()
    assert found.key is None
    assert found.warning is not None
    assert found.warning.startswith(f"{path}{expected}")
    assert found.warning.endswith("; no key is read from this file")


def test_a_netrc_that_cannot_be_parsed_keeps_its_words_to_itself(tmp_path: Path) -> None:
    path = put_netrc(tmp_path / ".netrc", f"machine api.wandb.ai\n  login user\n  {KEY} key\n")
    warning = find_login().warning
    assert warning is not None
    assert warning.startswith(f"{path}, line ")
    assert KEY not in warning
