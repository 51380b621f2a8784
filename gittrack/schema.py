"""JSON Schemas of every file kind, and checking data against them.

The schemas stand in `schemas/` of the source tree and are installed as `gittrack/schemas/`.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from gittrack.errors import NotFoundError

_LONGEST = 300
_HERE = Path(__file__).resolve().parent
_FOLDERS = (_HERE / "schemas", _HERE.parent / "schemas")


@cache
def load(name: str) -> dict[str, Any]:
    """Return the schema of a file kind: "run", "line", "edit", "experiment", "mlproject" ...

    Raises:
        NotFoundError: there is no schema of that name.
    """
    for folder in _FOLDERS:
        path = folder / f"{name}.schema.json"
        if path.is_file():
            schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return schema
    raise NotFoundError(
        f"no schema {name!r} in {_FOLDERS[0]}",
        hint="install gittrack again: its data files are missing",
    )


def files() -> list[Path]:
    """Return the schemas' own files."""
    return sorted(path for folder in _FOLDERS for path in folder.glob("*.schema.json"))


def check(name: str, data: object, *, only: bool = False) -> list[str]:
    """Return what is wrong with the data by the schema of that name.

    One line a problem, with its place. With `only`, what is missing is not wrong.
    """
    errors = sorted(
        _validator(name, only).iter_errors(data),
        key=lambda error: [str(part) for part in error.absolute_path],
    )
    return [_line(error.absolute_path, error.message) for error in errors]


@cache
def _validator(name: str, only: bool) -> Any:
    import jsonschema

    whole = load(name)
    wanted = {key: whole[key] for key in whole if key != "required"} if only else whole
    return jsonschema.Draft202012Validator(wanted)


def _line(place: Any, message: str) -> str:
    where = ".".join(str(part) for part in place)
    text = " ".join(message.split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return f"{where}: {text}" if where else text
