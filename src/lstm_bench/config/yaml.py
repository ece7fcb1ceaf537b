"""Reads YAML as Qlib does: Jinja2 templates, YAML 1.2, and overrides that also apply to aliases.

Overrides change the graph of nodes, in which an alias is the same *node* as its anchor: ``--set market=csi500``
changes every ``*market``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from lstm_bench.config.nodes import assign, compose, construct, entries, lookup, merged, replace
from lstm_bench.config.wording.value_text import value_with_kind
from lstm_bench.core.errors import ConfigError, near_match

__all__ = ["Document", "Overrides", "dump_yaml", "parse_value", "read_yaml"]

Overrides = Mapping[str, Any] | Iterable[str | tuple[str, Any]]
"""``dotted.key=value`` texts, the value being YAML; pairs of a dotted key and a plain value; or a mapping of these."""

_OVERRIDE = "override "
_BASE_KEY = "BASE_CONFIG_PATH"


@dataclass(frozen=True)
class Document:
    """The content of a file, and where each value is written."""

    path: Path
    content: dict[str, Any]
    root: MappingNode

    def place(self, keys: Sequence[str | int]) -> str:
        """Return where the value at a path is written: the file and its line, or the override.

        A missing value has the place of the section that it belongs to.
        """
        node: Node = self.root
        for key in keys:
            below = _entry(node, key)
            if below is None:
                break
            node = below
        mark = node.start_mark
        if mark is None or node is self.root:
            return self.path.name
        named = str(mark.name)
        return named if named.startswith(_OVERRIDE) else f"{Path(named).name}, line {mark.line + 1}"


def read_yaml(path: Path, overrides: Overrides = (), top_level: Sequence[str] = ()) -> Document:
    """Load a YAML file with its base file, environment variables and overrides.

    Raises ConfigError if the file cannot be read, is not a mapping, or an override does not fit it.

    Parameters
    ----------
    path
        The file. ``{{ NAME }}`` in it is an environment variable (Jinja2; empty if unset). ``BASE_CONFIG_PATH`` names
        a file that it is merged over; merging changes the keys that it has, not their aliases.
    overrides
        Changes after that, at an anchor and all its aliases. List elements are addressed by position, such as
        ``record.0.class``.
    top_level : keys that an override may add at the top; all others must exist
    """
    root = _compose_with_base(path)
    for override in overrides.items() if isinstance(overrides, Mapping) else overrides:
        _apply(root, *_parse_override(override), top_level)
    try:
        value = construct(root)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: expected a mapping at the top")
    value.pop(_BASE_KEY, None)
    return Document(path, value, root)


def _entry(node: Node, key: str | int) -> Node | None:
    """Return the node at a mapping's key or a list's position, or None."""
    if isinstance(node, MappingNode):
        return lookup(node, str(key))
    if isinstance(node, SequenceNode) and isinstance(key, int) and key < len(node.value):
        found: Node = node.value[key]
        return found
    return None


def parse_value(text: str) -> Any:
    """Read one value as in a file: ``1e-3`` is a number, ``[1, 2]`` a list.

    Raises ConfigError if it is not YAML.
    """
    return construct(compose(text, repr(text)))


def dump_yaml(value: Any) -> str:
    """Render plain data as block-style YAML, keys in the order given."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 110
    yaml.representer.ignore_aliases = lambda *_: True  # write each value out
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _compose_with_base(path: Path) -> MappingNode:
    root = _compose(_render(path), path)
    node = lookup(root, _BASE_KEY)
    if node is None or not construct(node):
        return root
    base = construct(node)
    if not isinstance(base, str):
        raise ConfigError(
            f"{_BASE_KEY}: got {value_with_kind(base)}, expected the path of a file, relative to {path}"
        )
    named = Path(base).expanduser()
    base_path = named if named.exists() else path.parent / named
    if not base_path.is_file():
        raise ConfigError(f"{_BASE_KEY}: got {str(named)!r}; there is no such file here or beside {path}")
    return merged(_compose(_read(base_path), base_path), root)


def _compose(text: str, path: Path) -> MappingNode:
    node = compose(text, str(path))
    if not isinstance(node, MappingNode):
        raise ConfigError(f"{path}: expected a mapping at the top")
    return node


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8 text; byte {error.start} is not") from error


def _render(path: Path) -> str:
    # the file may be untrusted: its templates see environment variables only
    environment = ImmutableSandboxedEnvironment(keep_trailing_newline=True)
    environment.globals.clear()
    text = _read(path)
    try:
        names = meta.find_undeclared_variables(environment.parse(text))
        return environment.from_string(text).render(
            {name: os.environ[name] for name in names if name in os.environ}
        )
    except Exception as error:  # a template can raise anything, such as a division by zero
        raise ConfigError(f"{path}: its Jinja2 template is wrong: {type(error).__name__}: {error}") from error


def _parse_override(override: str | tuple[str, Any]) -> tuple[str, Node]:
    """Dotted key and node of an override."""
    if isinstance(override, str):
        dotted, separator, text = override.partition("=")
        if not separator:
            raise ConfigError(f"override: got {override!r}, expected dotted.key=value")
    else:
        dotted, value = override
        try:
            text = dump_yaml(os.fspath(value) if isinstance(value, os.PathLike) else value)
        except YAMLError as error:
            raise ConfigError(
                f"override {dotted}: got {value_with_kind(value)}, "
                "expected plain data: numbers, texts, dates, lists, mappings"
            ) from error
    dotted = dotted.strip()
    if not all(dotted.split(".")):
        raise ConfigError(f"override: got the key {dotted!r}, expected dotted.key=value")
    return dotted, compose(text, f"{_OVERRIDE}{dotted}")


def _apply(root: MappingNode, dotted: str, value: Node, top_level: Sequence[str]) -> None:
    keys = dotted.split(".")
    known = [name.value for name, _ in entries(root)]
    if keys[0] not in known and keys[0] not in top_level:
        choices = sorted({*known, *top_level})
        meant = _meant(root, dotted, choices)
        raise ConfigError(
            f"override {dotted}: no top-level key {keys[0]!r}; {f'did you mean {meant!r}? ' if meant else ''}"
            f"choices: {', '.join(choices)}"
        )
    parent: Node = root
    for key in keys[:-1]:
        parent = _descend(parent, key, dotted)
    old = _child(parent, keys[-1], dotted)
    if old is None:
        if not isinstance(parent, MappingNode):
            raise ConfigError(
                f"override {dotted}: cannot add {keys[-1]!r} to something that is not a mapping"
            )
        assign(parent, keys[-1], value)
    else:
        replace(root, old, value)


def _meant(root: MappingNode, dotted: str, choices: Iterable[str]) -> str | None:
    """Return the key of the file that an override probably means."""
    places = list(_places(root, "", set()))
    exact = next((place for place in places if place.endswith(f".{dotted}")), None)
    if exact is not None:
        return exact
    named = {place.rpartition(".")[2]: place for place in reversed(places)} | {name: name for name in choices}
    near = near_match(dotted, named)
    return None if near is None else named[near]


def _places(node: Node, above: str, seen: set[int]) -> Iterator[str]:
    """Yield dotted keys below a node in the file's order; aliased nodes once, at their anchor."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, MappingNode):
        below = [(key.value, child) for key, child in entries(node)]
    else:
        below = (
            [(str(k), child) for k, child in enumerate(node.value)] if isinstance(node, SequenceNode) else []
        )
    for key, child in below:
        place = f"{above}{key}"
        if not isinstance(node, SequenceNode):
            yield place
        yield from _places(child, f"{place}.", seen)


def _child(node: Node, key: str, dotted: str) -> Node | None:
    if isinstance(node, MappingNode):
        return lookup(node, key)
    if isinstance(node, SequenceNode):
        if not key.isdecimal() or int(key) >= len(node.value):
            raise ConfigError(f"override {dotted}: {key!r} is not a position in a list of {len(node.value)}")
        found: Node = node.value[int(key)]
        return found
    raise ConfigError(f"override {dotted}: {key!r} lies below a plain value ({node.value!r})")


def _descend(node: Node, key: str, dotted: str) -> Node:
    child = _child(node, key, dotted)
    if child is None:
        child = MappingNode("tag:yaml.org,2002:map", [])
        if not isinstance(node, MappingNode):
            raise ConfigError(f"override {dotted}: cannot add {key!r} to something that is not a mapping")
        assign(node, key, child)
    return child
