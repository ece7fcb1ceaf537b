"""The store: an Optuna storage, and the studies in it."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_bench.config.secret import without_password
from lstm_bench.core.errors import ConfigError, choices_hint, command_line
from lstm_bench.tune.repository.lock import database_lock, file_lock

if TYPE_CHECKING:
    import optuna

    from lstm_bench.record.stamp import NamedData
    from lstm_bench.tune.definition import Definition
    from lstm_bench.tune.trials import TrialRow

__all__ = ["DEFAULT_STORE", "STORAGE_VARIABLE", "Store", "open_store"]

DEFAULT_STORE = Path("studies") / "store.journal"
STORAGE_VARIABLE = "LSTM_BENCH_STORAGE"

_DEFINITION = "definition"
_BUDGET = "budget"


class Store:
    """An Optuna storage: the path of a journal file, or a database URL as Optuna takes it."""

    def __init__(self, location: str) -> None:
        self._location = location
        self.path = _journal_path(location)
        if self.path is None and (":memory:" in location or re.fullmatch(r"sqlite[^:]*:/*", location)):
            raise ConfigError(
                f"--storage: got {location!r}; other processes have to see the store: give a file"
            )

    @property
    def description(self) -> str:
        """Its location, without a password."""
        return str(self.path) if self.path is not None else without_password(self._location)

    @cached_property
    def storage(self) -> optuna.storages.BaseStorage:
        """Optuna's storage, opened on first use. Raises ``ConfigError`` if it cannot be opened."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if self.path is not None:
            from lstm_bench.tune.repository.journal import JournalFile

            try:
                with _without_collection():
                    return optuna.storages.JournalStorage(JournalFile(self.path))
            except OSError as error:
                raise ConfigError(f"--storage: cannot open {self.path}: {error.strerror}") from error
            except ConfigError:
                raise
            except Exception as error:  # Optuna replays operations without checking them
                raise ConfigError(
                    f"--storage: {self.path} cannot be replayed: its operations do not fit each other ({error}); "
                    "restore it from a copy, or name another store"
                ) from error
        try:
            return optuna.storages.RDBStorage(self._location, engine_kwargs={"pool_pre_ping": True})
        except Exception as error:  # database drivers raise many types
            reason = re.sub(r"[^\s'\"/]*@", "***@", without_password(str(error).splitlines()[0]))
            raise ConfigError(f"--storage: cannot open {self.description}: {reason}") from None

    def command(self, *words: object) -> str:
        """Return a shell command on this store, for messages; a password in its URL becomes stars."""
        is_usual = self._location == _usual_location()
        return command_line(*words, *(() if is_usual else ("--storage", without_password(self._location))))

    def _exists(self) -> bool:
        """Whether the store exists: commands that only read do not create its file."""
        path = self.path or _sqlite_path(self._location)
        return path is None or path.exists()

    def exclusive(self, study: str) -> AbstractContextManager[object]:
        """Lock out the other drivers of a study. Hold it briefly."""
        import optuna

        storage = self.storage  # before its lock, which waits forever for a file that cannot be written
        if self.path is not None:
            return file_lock(self.path)
        if not isinstance(storage, optuna.storages.RDBStorage):
            raise TypeError(f"expected a relational storage, got {type(storage).__name__}")
        engine = storage.engine
        if engine.dialect.name == "sqlite":
            return file_lock(Path(str(engine.url.database)))
        return database_lock(engine, study)

    def names(self) -> list[str]:
        """Return the names of this package's studies, the oldest first."""
        if not self._exists():
            return []
        storage = self.storage
        names = [study.study_name for study in storage.get_all_studies() if _DEFINITION in study.user_attrs]
        return sorted(names, key=storage.get_study_id_from_name)

    def definition(self, name: str) -> Definition:
        """Read a study's definition. Raises ``ConfigError`` if there is no such study."""
        from lstm_bench.tune.definition import Definition

        storage, identifier = self._find(name)
        attributes = storage.get_study_user_attrs(identifier)
        return Definition.from_json(attributes[_DEFINITION]).with_budget(attributes.get(_BUDGET, {}))

    def data(self, name: str, provider_uri: str | None = None) -> NamedData:
        """Open a study's data; see :meth:`lstm_bench.tune.definition.Definition.data`.

        A study of an earlier version gets its stamp here, if the folder still has the data that it was made for.
        """
        from lstm_bench.record.stamp import Stamp

        definition = self.definition(name)
        data = definition.data(provider_uri)
        if definition.stamp is None and (stamp := Stamp.of(definition.workflow, data.provider)) is not None:
            storage, identifier = self._find(name)
            content = storage.get_study_user_attrs(identifier)[_DEFINITION]
            storage.set_study_user_attr(identifier, _DEFINITION, {**content, "stamp": stamp.to_json()})
        return data

    def study(self, name: str) -> optuna.Study:
        """Load a study, for Optuna's own functions."""
        import optuna

        storage, _ = self._find(name)
        return optuna.load_study(study_name=name, storage=storage)

    def trials(self, name: str) -> list[optuna.trial.FrozenTrial]:
        """Read a study's trials by number. Do not change them."""
        storage, identifier = self._find(name)
        return storage.get_all_trials(identifier, deepcopy=False)

    def rows(self, name: str) -> list[TrialRow]:
        """Read a study's trials for users."""
        from lstm_bench.tune.trials import trial_rows

        storage, identifier = self._find(name)
        return trial_rows(
            storage.get_all_trials(identifier, deepcopy=False), storage.get_study_user_attrs(identifier)
        )

    def create(self, definition: Definition) -> bool:
        """Create a study and queue its first trials, unless it exists; return whether it is new.

        A study without a started trial takes the new definition. Raises ``ConfigError`` if a study of that name
        has trials of another space or other data. The message lists the differences.
        """
        from lstm_bench.tune.difference import differences

        name = definition.config.name
        with self.exclusive(name):
            if name in self.names():
                different = differences(self.definition(name), definition)
                if not different:
                    return False
                if any(trial.state.name != "WAITING" or trial.params for trial in self.trials(name)):
                    listed = "\n".join(f"  {difference}" for difference in different)
                    raise ConfigError(
                        f"study {name!r} has trials and another definition (existing -> requested); "
                        f"choose another name, or {self.command('study', 'delete', name)}:\n{listed}"
                    )
                self.delete(name)
            self._create(definition)
        return True

    def _create(self, definition: Definition) -> None:
        import optuna

        name = definition.config.name
        for study in self.storage.get_all_studies():
            if study.study_name == name:
                self._delete_unfinished(name, study.user_attrs)
        created = optuna.create_study(study_name=name, storage=self.storage, direction="minimize")
        values, moved = definition.defaults()
        created.enqueue_trial(values, user_attrs={"origin": "default", **({"moved": moved} if moved else {})})
        for params in definition.config.enqueue:
            created.enqueue_trial(dict(params), user_attrs={"origin": "enqueued"})
        created.set_user_attr(_DEFINITION, definition.to_json())  # last: it marks the study as complete

    def _delete_unfinished(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Delete a study whose creation was interrupted; refuse to delete another program's."""
        identifier = self.storage.get_study_id_from_name(name)
        trials = self.storage.get_all_trials(identifier, deepcopy=False)
        if attributes or any(
            "origin" not in trial.user_attrs or trial.state.name != "WAITING" for trial in trials
        ):
            raise ConfigError(
                f"study {name!r}: {self.description} has one of that name that is not lstm-bench's; "
                "choose another name"
            )
        self.storage.delete_study(identifier)

    def set_budget(self, name: str, budget: dict[str, Any]) -> None:
        """Change a study's budget."""
        storage, identifier = self._find(name)
        earlier = storage.get_study_user_attrs(identifier).get(_BUDGET, {})
        storage.set_study_user_attr(identifier, _BUDGET, {**earlier, **budget})

    def delete(self, name: str) -> None:
        """Delete a study and its trials."""
        storage, identifier = self._find(name)
        storage.delete_study(identifier)

    def _find(self, name: str) -> tuple[optuna.storages.BaseStorage, int]:
        names = self.names()
        if name not in names:
            hint = (
                choices_hint(name, names) if names else f"it has none yet: {self.command('study', 'create')}"
            )
            raise ConfigError(f"--study: {self.description} has no study {name!r}; {hint}")
        return self.storage, self.storage.get_study_id_from_name(name)


def open_store(location: str | None = None) -> Store:
    """Open a store: ``location``, or the one that ``LSTM_BENCH_STORAGE`` names, or the default file."""
    return Store(location or _usual_location())


def _usual_location() -> str:
    return os.environ.get(STORAGE_VARIABLE) or str(DEFAULT_STORE)


def _journal_path(location: str) -> Path | None:
    """Path of a journal file; None for a database."""
    if "://" not in location:
        return Path(location).expanduser()
    if location.startswith("journal://"):
        return Path(location.removeprefix("journal://")).expanduser()
    return None


def _sqlite_path(location: str) -> Path | None:
    """Path of SQLite's file; None for another database, or if URL options name the file."""
    found = re.fullmatch(r"sqlite(?:\+\w+)?:///([^?]+)(?:\?.*)?", location)
    return None if found is None or found[1].startswith("file:") else Path(found[1])


@contextmanager
def _without_collection() -> Iterator[None]:
    """Disable garbage collection while many permanent objects are made: it would traverse them repeatedly."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
