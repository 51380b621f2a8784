"""What is wrong with the structure of an MLproject, in the words of its format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gittrack import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jsonschema import ValidationError

_ENTRY_POINT = 2  # how deep in the file an entry point, its key, and a parameter stand
_KEY = 3
_PARAMETER = 4
_NAMES = {"object": "a map", "array": "a list", "string": "a text", "number": "a number"}
_SHAPES = {
    "entry_points": ("entry_points:", "main: {command: python train.py}"),
    "parameters": ("parameters:", "alpha: {type: float, default: 0.5}"),
    "docker_env": ("docker_env:", "image: python:3.12"),
    "conda_env": ("conda_env: conda.yaml",),
    "python_env": ("python_env: python_env.yaml",),
    "name": ("name: wine",),
}


def check(data: object) -> tuple[list[str], str]:
    """Return what is wrong, each with its place, and a hint at the shape of the first."""
    try:
        import jsonschema
    except ImportError:  # gittrack is lent to an environment: who lent it has checked the file
        return [], ""
    validator = jsonschema.Draft202012Validator(schema.load("mlproject"))
    errors = sorted(
        validator.iter_errors(data), key=lambda error: [str(part) for part in error.absolute_path]
    )
    if not errors:
        return [], ""
    lines = [f'"{line}"' for line in _shape(errors[0])]
    return [_words(error) for error in errors], f"write {', and indented below it '.join(lines)}"


def _words(error: ValidationError) -> str:
    place = _place([str(part) for part in error.absolute_path])
    return f"{place} {_wrong(error)}".strip()


def _place(path: Sequence[str]) -> str:
    if len(path) < _ENTRY_POINT or path[0] != "entry_points":
        return ".".join(path)
    entry_point = f"entry point {path[1]!r}"
    if len(path) < _PARAMETER:
        return ": ".join([entry_point, *path[_ENTRY_POINT:]])
    return ": ".join([f"{entry_point}: parameter {path[_KEY]!r}", *path[_PARAMETER:]])


def _wrong(error: ValidationError) -> str:
    value: Any = error.instance
    wanted: Any = error.validator_value
    if error.validator == "required":
        return f"has no {' or '.join(key for key in wanted if key not in value)}"
    if error.validator == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        names = " or ".join(_NAMES[kind] for kind in kinds if kind in _NAMES)
        return "is empty" if value is None else f"is {_kind(value)}, not {names}"
    if error.validator in ("minItems", "maxItems"):
        return f"has {len(value)} entries, not {wanted}"
    return "is empty"


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return f"{value!r:.60}" if isinstance(value, (str, bool, int, float)) else "no plain value"


def _shape(error: ValidationError) -> tuple[str, ...]:
    path = [str(part) for part in error.absolute_path]
    if path[_ENTRY_POINT:_KEY] == ["parameters"]:
        return _SHAPES["parameters"]
    if path[:1] == ["entry_points"] and len(path) >= _ENTRY_POINT:
        return f"{path[1]}:", "command: python train.py"
    return _SHAPES.get(path[0] if path else "", _SHAPES["entry_points"])
