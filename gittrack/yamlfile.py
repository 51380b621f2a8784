"""YAML of strangers: bounds on depth and aliases, every problem with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import yaml

MAX_BYTES = 4 * 1024 * 1024
MAX_NODES = 100_000
MAX_DEPTH = 50

_MERGE = "tag:yaml.org,2002:merge"


def load(data: bytes) -> object:
    """Return what a YAML document holds, in plain Python types.

    Raises:
        ValueError: it is no YAML, has a key twice, or grows beyond all bounds. The message begins
            with `LINE:` or `LINE:COLUMN:` where there is such a place.
    """
    import yaml

    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("not valid YAML: not UTF-8") from None
    kind = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(yaml.parse(text, Loader=kind))
        loader = kind(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _Measure().node(node, 0)
            return _construct(loader, node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(_words(error)) from None
    except RecursionError:
        raise ValueError("not valid YAML: nested too deeply") from None


def _construct(loader: Any, node: yaml.Node) -> object:
    try:
        return loader.construct_document(node)
    except ValueError as error:  # such as a date that is none
        raise ValueError(f"{_line(node)}: not valid YAML: {error}") from None


def _check_depth(events: Iterable[yaml.Event]) -> None:
    # The loader in C would end the whole process over it.
    depth = 0
    for event in events:
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        if depth > MAX_DEPTH:
            raise ValueError(f"not valid YAML: nested deeper than {MAX_DEPTH} levels")


class _Measure:
    """Counts the nodes of a document as they are once its aliases are followed."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[int, int]] = {}

    def node(self, node: yaml.Node, depth: int) -> tuple[int, int]:
        """Return number and depth of the nodes from here; an alias of what is around it fails."""
        known = self._done.get(id(node))
        if known is None:
            children = _children(node) if depth <= MAX_DEPTH else []
            below = [self.node(child, depth + 1) for child in children]
            size = 1 + sum(part for part, _ in below)
            height = 1 + max((part for _, part in below), default=0)
            known = self._done[id(node)] = (size, height)
        if known[0] > MAX_NODES or depth + known[1] > MAX_DEPTH:
            raise ValueError(
                f"{_line(node)}: grows beyond {MAX_NODES} values or {MAX_DEPTH} levels by aliases"
            )
        return known


def _children(node: yaml.Node) -> list[yaml.Node]:
    import yaml

    if isinstance(node.value, str):
        return []
    if not isinstance(node, yaml.MappingNode):
        return list(node.value)
    keys: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key.value, str):
            raise ValueError(f"{_line(key)}: a key is not a plain word")
        if key.value in keys and key.tag != _MERGE:
            raise ValueError(f"{_line(key)}: the key {key.value!r} stands there twice")
        keys.add(key.value)
    return [value for _, value in node.value]


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _words(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{mark.line + 1}:{mark.column + 1}: " if mark is not None else ""
    context = getattr(error, "context", None)
    said = getattr(error, "problem", None) or " ".join(str(error).split())[:200]
    return f"{where}not valid YAML: {f'{context}: ' if context else ''}{said}"
