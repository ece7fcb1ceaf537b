"""YAML as a graph of nodes, in which an alias is the same node as its anchor."""

from __future__ import annotations

import io
import re
import warnings
from itertools import chain
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lstm_bench.core.errors import ConfigError

__all__ = ["assign", "compose", "construct", "entries", "lookup", "merged", "replace"]

_MERGE = "tag:yaml.org,2002:merge"
_TAGS = {_MERGE} | {
    f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
}

_DROP = "__DROP__"
"""A value that removes the key from a base file."""


_PLAIN_MESSAGES = {
    r"found character '\\t' that cannot start any token": "a tab, expected spaces",
    r"found character '(.)' that cannot start any token": r"a text that begins with \1 belongs in quotes",
    r"found undefined alias '(.*)'": r"*\1 has no anchor &\1 before it",
    r"but found another document": "a second document begins, expected one",
    r"mapping values are not allowed here": "a second colon; a text that has one belongs in quotes",
    r"but got '<stream end>'": "but the file ends",
    r"found unexpected end of stream": "the file ends within quotes",
    r"special characters are not allowed in .*, position (\d+)": r"at position \1",
}
"""Messages of the YAML reader -> clearer ones."""


class _Named(io.StringIO):
    """A text with a name, which the marks of its nodes refer to."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


def compose(text: str, where: str) -> Node:
    """Read a text as nodes; an empty one is null.

    Raises ConfigError if it is not YAML or not plain data; it names ``where`` and the line.
    """
    try:
        with warnings.catch_warnings():  # YAML allows an anchor's name to be reused
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            node: Node | None = YAML(typ="safe", pure=True).compose(_Named(text, where))
    except YAMLError as error:
        raise ConfigError(f"{where}: not YAML: {_in_one_line(error)}") from error
    if node is None:
        return ScalarNode("tag:yaml.org,2002:null", "")
    _check_shape(node, where)
    return node


def construct(node: Node) -> Any:
    """Build the plain data that a node stands for.

    Raises ConfigError if the nodes have no value, such as a mapping with a key twice.
    """
    constructor = YAML(typ="safe", pure=True).constructor
    # guaranteed by typ="safe": no object named in a file is constructed
    if not isinstance(constructor, SafeConstructor):
        raise TypeError(f"expected a safe constructor, got {type(constructor).__name__}")
    try:
        return constructor.construct_document(node)
    except YAMLError as error:
        raise ConfigError(f"not YAML: {_in_one_line(error)}") from error


def entries(node: MappingNode) -> list[tuple[ScalarNode, Node]]:
    """Keys and values of a mapping, including those merged by ``<<``."""
    found = {key.value: (key, value) for key, value in node.value if key.tag != _MERGE}
    for key, value in node.value:
        if key.tag != _MERGE:
            continue
        for source in value.value if isinstance(value, SequenceNode) else [value]:
            if isinstance(source, MappingNode):
                for entry in entries(source):
                    found.setdefault(entry[0].value, entry)
    return list(found.values())


def lookup(node: MappingNode, key: str) -> Node | None:
    """Return the value of a key, or None."""
    return next((value for name, value in entries(node) if name.value == key), None)


def assign(node: MappingNode, key: str, value: Node) -> None:
    """Set the value of a key in this mapping alone."""
    for position, (name, _) in enumerate(node.value):
        if name.value == key:
            node.value[position] = (name, value)
            return
    node.value.append((ScalarNode("tag:yaml.org,2002:str", key), value))


def merged(base: MappingNode, over: MappingNode) -> MappingNode:
    """Merge ``over`` into ``base``, mapping by mapping, as a new node; aliases keep their values."""
    result = {name.value: (name, value) for name, value in entries(base)}
    for name, value in entries(over):
        below = result[name.value][1] if name.value in result else None
        if isinstance(value, ScalarNode) and value.value == _DROP:
            result.pop(name.value, None)
        elif isinstance(below, MappingNode) and isinstance(value, MappingNode):
            result[name.value] = name, merged(below, value)
        else:
            result[name.value] = name, value
    return MappingNode(base.tag, list(result.values()), base.start_mark, base.end_mark)


def replace(root: Node, old: Node, new: Node) -> None:
    """Replace ``old`` by ``new`` at its anchor and all its aliases below ``root``."""
    _replace(root, old, new, set())


def _replace(node: Node, old: Node, new: Node, seen: set[int]) -> None:
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


def _in_one_line(error: YAMLError) -> str:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    place = f"line {mark.line + 1}: " if mark is not None else ""
    problem = error.problem if isinstance(error, MarkedYAMLError) else None
    message = " ".join(str(problem or error).split())
    for pattern, plain in _PLAIN_MESSAGES.items():
        message = re.sub(pattern, plain, message)
    return place + message


def _check_shape(node: Node, where: str) -> None:
    """Refuse custom tags, invalid values, keys that are not scalars, and nodes that contain themselves."""
    above: set[int] = set()
    done: set[int] = set()  # each node once, even if it has several aliases

    def refuse(node: Node, why: str) -> NoReturn:
        raise ConfigError(f"{where}, line {node.start_mark.line + 1}: {why}")

    def check(node: Node) -> None:
        if node.tag not in _TAGS:
            tag = str(node.tag).replace("tag:yaml.org,2002:", "!!")
            refuse(node, f"got the tag {tag!r}, expected plain YAML; nothing that a file names is built")
        if isinstance(node, ScalarNode) and node.tag != _MERGE:
            try:
                construct(node)
            except ValueError as error:  # such as the 30th of February
                refuse(node, f"got {node.value!r}: {error}")
        if id(node) in above:
            refuse(node, "expected no alias inside its own anchor")
        if id(node) in done or not isinstance(node, MappingNode | SequenceNode):
            return
        above.add(id(node))
        for child in node.value if isinstance(node, SequenceNode) else chain.from_iterable(node.value):
            check(child)
        for key, _ in node.value if isinstance(node, MappingNode) else ():
            if not isinstance(key, ScalarNode):
                refuse(key, "expected a name as key, got a list or mapping")
        above.remove(id(node))
        done.add(id(node))

    check(node)
