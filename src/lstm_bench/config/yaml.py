"""YAML as Qlib reads it: rendered, YAML 1.2, with overrides that reach every alias.

Files are kept as a graph of nodes until the overrides are in, because an alias is the same *node* as its anchor:
``--set market=csi500`` then changes every place that says ``*market``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateError, meta
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lstm_bench.errors import ConfigError, choices_hint

__all__ = ["dump_yaml", "load_yaml"]

_BASE_KEY = "BASE_CONFIG_PATH"


def load_yaml(path: Path, overrides: Iterable[str] = (), top_level: Sequence[str] = ()) -> dict[str, Any]:
    """Load a YAML file with its base file, environment variables and overrides.

    Parameters
    ----------
    path
        The file. ``{{ NAME }}`` in it is an environment variable (Jinja2; empty where unset), and
        ``BASE_CONFIG_PATH`` names a file that it is merged over.
    overrides
        ``dotted.key=value`` texts, the value being YAML. List elements go by position, such as ``record.0.class``.
    top_level
        Keys that an override may add at the top; all others must be there.

    Raises
    ------
    ConfigError
        Where the file cannot be read, is no mapping, or an override does not fit it.
    """
    root = _compose_with_base(path)
    for override in overrides:
        _apply(root, override, top_level)
    value = _construct(root)
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: expected a mapping at the top")
    value.pop(_BASE_KEY, None)
    return value


def dump_yaml(value: Any) -> str:
    """Render plain data as block-style YAML, keys in the order given."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 110
    yaml.representer.ignore_aliases = lambda *_: True  # each place says what it holds
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _compose_with_base(path: Path) -> MappingNode:
    root = _compose(_render(path), path)
    base_name = _lookup(root, _BASE_KEY)
    if base_name is None:
        return root
    named = Path(str(base_name.value)).expanduser()
    base_path = named if named.exists() else path.parent / named
    if not base_path.is_file():
        raise ConfigError(f"{_BASE_KEY}: got {str(named)!r}; there is no such file here or beside {path}")
    base = _compose(_read(base_path), base_path)
    _merge(base, root)
    return base


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _render(path: Path) -> str:
    environment = Environment(keep_trailing_newline=True)
    text = _read(path)
    try:
        names = meta.find_undeclared_variables(environment.parse(text))
        return environment.from_string(text).render(
            {name: os.environ[name] for name in names if name in os.environ}
        )
    except TemplateError as error:
        raise ConfigError(f"{path}: its Jinja2 template is wrong: {error}") from error


def _compose(text: str, path: Path) -> MappingNode:
    try:
        node = YAML(typ="safe", pure=True).compose(io.StringIO(text))
    except YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    if not isinstance(node, MappingNode):
        raise ConfigError(f"{path}: expected a mapping at the top")
    return node


def _construct(node: Node) -> Any:
    yaml = YAML(typ="safe", pure=True)
    constructor = yaml.constructor
    if not isinstance(
        constructor, SafeConstructor
    ):  # typ="safe" promises it: nothing named in a file is built
        raise TypeError(f"expected a safe constructor, got {type(constructor).__name__}")
    try:
        return constructor.construct_document(node)
    except YAMLError as error:
        raise ConfigError(f"not YAML: {error}") from error


def _lookup(node: MappingNode, key: str) -> Node | None:
    for name, value in node.value:
        if name.value == key:
            found: Node = value
            return found
    return None


def _assign(node: MappingNode, key: str, value: Node) -> None:
    for position, (name, _) in enumerate(node.value):
        if name.value == key:
            node.value[position] = (name, value)
            return
    node.value.append((ScalarNode("tag:yaml.org,2002:str", key), value))


def _merge(base: MappingNode, over: MappingNode) -> None:
    """Lay ``over`` on ``base``, mapping by mapping, as Qlib's BASE_CONFIG_PATH does."""
    for name, value in over.value:
        below = _lookup(base, name.value)
        if isinstance(below, MappingNode) and isinstance(value, MappingNode):
            _merge(below, value)
        else:
            _assign(base, name.value, value)


def _apply(root: MappingNode, override: str, top_level: Sequence[str]) -> None:
    dotted, separator, text = override.partition("=")
    keys = dotted.strip().split(".")
    if not separator or not all(keys):
        raise ConfigError(f"--set: got {override!r}, expected dotted.key=value")
    known = [name.value for name, _ in root.value]
    if keys[0] not in known and keys[0] not in top_level:
        raise ConfigError(
            f"--set {dotted}: no top-level key {keys[0]!r}; {choices_hint(keys[0], {*known, *top_level})}"
        )
    try:
        value = YAML(typ="safe", pure=True).compose(io.StringIO(text))
    except YAMLError as error:
        raise ConfigError(f"--set {dotted}: {text!r} is not YAML: {error}") from error
    if value is None:
        value = ScalarNode("tag:yaml.org,2002:null", "")

    parent: Node = root
    for key in keys[:-1]:
        parent = _descend(parent, key, dotted)
    old = _child(parent, keys[-1], dotted)
    if old is None:
        if not isinstance(parent, MappingNode):
            raise ConfigError(f"--set {dotted}: cannot add {keys[-1]!r} to something that is no mapping")
        _assign(parent, keys[-1], value)
    else:
        _replace(root, old, value, set())


def _child(node: Node, key: str, dotted: str) -> Node | None:
    if isinstance(node, MappingNode):
        return _lookup(node, key)
    if isinstance(node, SequenceNode):
        if not key.isdigit() or int(key) >= len(node.value):
            raise ConfigError(f"--set {dotted}: {key!r} is no position in a list of {len(node.value)}")
        found: Node = node.value[int(key)]
        return found
    raise ConfigError(f"--set {dotted}: {key!r} lies below a plain value ({node.value!r})")


def _descend(node: Node, key: str, dotted: str) -> Node:
    child = _child(node, key, dotted)
    if child is None:
        child = MappingNode("tag:yaml.org,2002:map", [])
        if not isinstance(node, MappingNode):
            raise ConfigError(f"--set {dotted}: cannot add {key!r} to something that is no mapping")
        _assign(node, key, child)
    return child


def _replace(node: Node, old: Node, new: Node, seen: set[int]) -> None:
    """Put ``new`` wherever the graph refers to ``old``: at the anchor and at all of its aliases."""
    if id(node) in seen or not isinstance(node, MappingNode | SequenceNode):
        return
    seen.add(id(node))
    if isinstance(node, MappingNode):
        node.value = [(name, new if value is old else value) for name, value in node.value]
        children = [value for _, value in node.value]
    else:
        node.value = [new if value is old else value for value in node.value]
        children = node.value
    for child in children:
        _replace(child, old, new, seen)
