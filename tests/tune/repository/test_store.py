from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from lstm_bench.core.errors import ConfigError, DataError
from lstm_bench.tune.repository.lock import database_lock
from lstm_bench.tune.repository.store import Store, open_store

optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(params=["store.journal", "sqlite:///{}/store.db"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param).format(tmp_path) if "{}" in request.param else str(tmp_path / request.param)


@pytest.fixture
def lab(make_lab: Any, place: str) -> Any:
    return make_lab("lab", place)


def test_a_study_is_created_once(lab: Any) -> None:
    definition = lab.define(hidden=[8, 9])
    assert lab.store.create(definition)
    assert not lab.open().create(definition)
    assert lab.open().definition("s") == definition
    assert [row.params for row in lab.rows()] == [{"hidden_size": 8}, {"hidden_size": 9}]


def test_another_definition_replaces_one_that_nothing_was_tried_of(lab: Any) -> None:
    lab.create(hidden=[8, 9])
    assert lab.store.create(lab.define(hidden=[10]))
    assert lab.store.names() == ["s"]
    assert [row.params for row in lab.rows()] == [{"hidden_size": 10}]


def test_a_study_that_began_keeps_its_definition(lab: Any) -> None:
    lab.create(hidden=[8])
    lab.tune(1)
    with pytest.raises(ConfigError, match="has trials and another definition") as caught:
        lab.store.create(lab.define(hidden=[8], space={"hidden_size": {"int": [1, 300]}}))
    assert "\n  space.hidden_size.int: [1, 400] -> [1, 300]" in str(caught.value)
    assert lab.states() == ["complete"]
    assert not lab.store.create(lab.define(hidden=[8], trials=7))  # a budget is no difference


def test_an_interrupted_trial_is_one_that_began(lab: Any) -> None:
    lab.create(hidden=[8])
    lab.mishaps = {8: [("interrupt", 0)]}
    lab.tune(1)
    assert lab.states() == ["interrupted"]
    with pytest.raises(ConfigError, match="has trials"):
        lab.store.create(lab.define(hidden=[8], seeds=[1]))


@pytest.mark.parametrize("step", ["enqueue_trial", "set_user_attr"])
def test_what_a_killed_create_left_is_replaced(lab: Any, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_args: Any, **_kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, step, killed)
        with pytest.raises(KeyboardInterrupt):
            lab.store.create(lab.define(hidden=[8]))
    assert [study.study_name for study in lab.store.storage.get_all_studies()] == ["s"]
    assert lab.store.names() == []
    assert lab.store.create(lab.define(hidden=[8, 9]))
    assert [row.params for row in lab.rows()] == [{"hidden_size": 8}, {"hidden_size": 9}]


@pytest.mark.parametrize("left", ["a trial", "an attribute"])
def test_another_programs_study_stands(lab: Any, left: str) -> None:
    foreign = optuna.create_study(study_name="s", storage=lab.store.storage)
    if left == "a trial":
        foreign.enqueue_trial({"x": 1.0})
    else:
        foreign.set_user_attr("owner", "somebody")
    with pytest.raises(ConfigError, match="is not lstm-bench's; choose another name"):
        lab.store.create(lab.define())
    assert [study.study_name for study in lab.store.storage.get_all_studies()] == ["s"]
    assert lab.store.names() == []


def test_a_budget_is_edited_and_read(lab: Any) -> None:
    lab.create(trials=10)
    lab.store.set_budget("s", {"trials": 20})
    lab.store.set_budget("s", {"trial_timeout": "1h"})
    config = lab.open().definition("s").config
    assert (config.trials, config.trial_timeout, config.max_retries) == (20, "1h", 2)
    assert not lab.store.create(lab.define(trials=10))


def test_a_study_is_deleted_alone(lab: Any) -> None:
    for name in ("one", "two"):
        lab.create(name)
    lab.store.delete("one")
    assert lab.open().names() == ["two"]
    with pytest.raises(ConfigError, match="has no study 'tow'; did you mean 'two'"):
        lab.store.definition("tow")


def test_a_store_that_is_not_there_has_no_studies(place: str) -> None:
    assert Store(place).names() == []
    with pytest.raises(ConfigError, match="it has none yet: lstm-bench study create"):
        Store(place).trials("s")


def test_studies_are_named_in_the_order_of_their_creation(lab: Any) -> None:
    for name in ("zebra", "ape", "mole"):
        lab.create(name)
    assert lab.open().names() == ["zebra", "ape", "mole"]


def test_reading_makes_no_file(tmp_path: Path) -> None:
    assert Store(str(tmp_path / "studies" / "store.journal")).names() == []
    assert list(tmp_path.iterdir()) == []


def test_a_store_is_what_is_given_or_what_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LSTM_BENCH_STORAGE", raising=False)
    assert open_store().path == Path("studies/store.journal")
    monkeypatch.setenv("LSTM_BENCH_STORAGE", "sqlite:///x.db")
    assert open_store().description == "sqlite:///x.db"
    assert open_store("journal://a/b.journal").path == Path("a/b.journal")


@pytest.mark.parametrize("location", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://"])
def test_a_store_in_memory_is_refused(location: str) -> None:
    with pytest.raises(ConfigError, match="other processes have to see the store"):
        Store(location)


@pytest.mark.parametrize(
    "location",
    [
        "postgresql+psycopg://u:geheim@127.0.0.1:1/db",
        "postgresql+psycopg://u:ge@heim@127.0.0.1:1/db",
        "postgresql+psycopg://u:geheim%40x@127.0.0.1:1/db",
        "postgresql+psycopg://127.0.0.1:1/db?user=u&password=geheim&connect_timeout=3",
        "postgres://u:geheim@nohost/db",
        "nodatabase://u:geheim@nohost/db",
        "postgresql+nodriver://u:geheim@nohost/db",
        "postgresql+psycopg://u:geheim@nohost:port/db",
    ],
)
def test_a_password_is_never_shown(location: str, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(location)
    with pytest.raises(ConfigError, match="--storage: cannot open") as caught:
        store.names()
    shown = f"{store.description} {caught.value} {caught.value.__cause__} {caplog.text}"
    assert not re.search("geheim|ge@|heim@", shown), shown
    assert caught.value.__suppress_context__
    assert "***" in store.description


def test_a_database_that_drivers_cannot_share_is_refused() -> None:
    class Dialect:
        name = "oracle"

    class Engine:
        dialect = Dialect

    with pytest.raises(ConfigError, match="got a oracle database, which drivers cannot share; choices: sqlite"), \
            database_lock(Engine, "s"):  # type: ignore[arg-type]  # fmt: skip
        pass


def _program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A separate server on a free port; it does not run as root."""
    pytest.importorskip("psycopg")
    initdb, server = _program("initdb"), _program("postgres")
    if initdb is None or server is None:
        pytest.skip("no PostgreSQL server on this machine (initdb and postgres)")
    user: dict[str, Any] = {}
    folder = tmp_path_factory.mktemp("postgres")
    if os.geteuid() == 0:
        import pwd

        try:
            account = pwd.getpwnam("nobody")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user nobody")
        user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        folder = Path(
            shutil.copytree(folder, Path("/tmp") / f"lstm-bench-{os.getpid()}")
        )  # without permission to enter it
        os.chown(folder, account.pw_uid, account.pw_gid)
    secret = folder / "secret"
    secret.write_text("geheim\n")
    secret.chmod(0o644)
    data = folder / "data"
    made = subprocess.run(
        [initdb, "-D", str(data), "-U", "bench", "-A", "scram-sha-256", f"--pwfile={secret}", "-N", "-E", "UTF8",
         "--locale=C"], capture_output=True, text=True, cwd="/", check=False, **user,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"initdb does not work here: {made.stderr.splitlines()[-1:]}")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    running = subprocess.Popen(
        [server, "-D", str(data), "-p", str(port), "-k", "", "-h", "127.0.0.1", "-c", "fsync=off"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **user,
    )  # fmt: skip
    try:
        _await(port)
        yield f"postgresql+psycopg://bench:geheim@127.0.0.1:{port}/postgres"
    finally:
        running.send_signal(signal.SIGINT)  # which does not wait for clients
        running.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _await(port: int) -> None:
    import psycopg

    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://bench:geheim@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def test_a_study_on_a_database_server(make_lab: Any, postgres: str) -> None:
    lab = make_lab("lab", postgres)
    lab.create(hidden=[1, 2, 300], pruner={"name": "median", "startup_trials": 2, "warmup_epochs": 1})
    lab.mishaps = {2: [("interrupt", 1)]}
    assert [row.state for row in lab.tune(4).trials] == ["complete", "interrupted", "queued"]
    rows = lab.tune(4).trials
    assert [row.state for row in rows] == ["complete", "complete", "pruned", rows[3].state]
    assert [list(row.epoch_values) for row in rows[:3]] == [[0, 1, 2], [0, 1, 2], [0, 1]]
    assert "geheim" not in lab.store.description
    lab.store.delete("s")
    assert lab.open().names() == []


def test_a_database_servers_lock_is_one_of_a_study(make_lab: Any, postgres: str) -> None:
    lab = make_lab("lab", postgres)
    one, other = lab.open(), lab.open()
    with one.exclusive("s"), other.exclusive("t"):
        engine: Any = other.storage
        with engine.engine.connect() as connection:
            from sqlalchemy import text

            held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            assert connection.execute(text(held)).scalar() == 2
    with other.exclusive("s"):
        pass


@pytest.mark.parametrize("scheme", ["sqlite:///{}", "sqlite+pysqlite:///{}?timeout=5", "{}", "journal://{}"])
def test_reading_makes_no_store(tmp_path: Path, scheme: str) -> None:
    store = Store(scheme.format(tmp_path / "new"))
    assert store.names() == []
    for read in (store.definition, store.trials, store.study, store.delete):
        with pytest.raises(ConfigError, match="has no study 's'; it has none yet"):
            read("s")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("outcome", 3, r"trial 0 in the store: outcome: got 3 \(a number\), expected a mapping"),
        ("outcome", {"seconds": "long"}, r"outcome\.seconds: got 'long', expected a number or null"),
        ("failures", ["x"], r"failures\.0: got 'x', expected a mapping"),
        ("origin", [], r"origin: got \[\] \(a list\), expected a text"),
    ],
)
def test_an_attribute_of_another_kind_is_named(lab: Any, attribute: str, value: Any, message: str) -> None:
    lab.create(hidden=[8])
    study = lab.store.study("s")
    study._storage.set_trial_user_attr(study.get_trials()[0]._trial_id, attribute, value)
    with pytest.raises(DataError, match=message):
        lab.rows()
