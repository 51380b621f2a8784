"""Values for the parameters of an entry point: typed, checked, with defaults and extras."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from gittrack import search, settings
from gittrack.errors import ProjectError
from gittrack.tracking import downloading
from gittrack.tracking.validation import check_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.projects.mlproject import EntryPoint, Parameter, Project
    from gittrack.runs.store import Store

Value = int | float | str

# What every program reads as a number: float() and int() of Python take more.
_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,249}")
_MOVING = re.compile(r"runs:/+(@[^/]*|best:[^/]+)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


@dataclass(frozen=True)
class Values:
    """The values of one run.

    Attributes:
        declared: text for the placeholders of the command; paths made absolute.
        extra: text for what the entry point does not declare, in the order given.
        plain: all of them as they are recorded: as given, numbers as numbers.
        reaches: the files and folders among them.
    """

    declared: Mapping[str, str]
    extra: Mapping[str, str]
    plain: Mapping[str, Value]
    reaches: tuple[Path, ...] = ()


def resolve(
    project: Project,
    entry_point: EntryPoint,
    given: Mapping[str, object],
    *,
    callers: tuple[Path, ...],
    store: Store,
) -> Values:
    """Return the values for a run of an entry point.

    Args:
        callers: the folders that relative paths are meant from.
        store: where `runs:/@/model` is looked up, before the run is made that would then be `@`.

    Raises:
        ProjectError: values are missing (all are named), not of their type, or have a name that
            cannot be an option's.
        NotFoundError: a URI names a run that is not there.
    """
    texts = {name: str(value) for name, value in given.items() if value is not None}
    _check_names(project, entry_point, texts)
    root = settings.git_root(store.root) or store.root.parent
    declared: dict[str, str] = {}
    plain: dict[str, Value] = {}
    for name, parameter in entry_point.parameters.items():
        text = texts.get(name, parameter.default or "")
        if parameter.type in ("uri", "path"):
            text = _settled(text, store)
        folders = callers if name in texts else (*callers, project.folder)
        where = f"{project.where}: entry point {entry_point.name!r}: parameter {name!r}"
        what = "" if name in texts else "its default "
        declared[name] = _checked(parameter, text, folders, f"{where}: {what}", store)
        plain[name] = _plain(parameter, text, root)
    extra = {name: text for name, text in texts.items() if name not in entry_point.parameters}
    reaches = [
        Path(declared[name])
        for name, parameter in entry_point.parameters.items()
        if parameter.type in ("path", "uri") and declared[name].startswith("/")
    ]
    return Values(declared, extra, {**plain, **extra}, tuple(filter(Path.exists, reaches)))


def _check_names(project: Project, entry_point: EntryPoint, texts: Mapping[str, str]) -> None:
    declared = entry_point.parameters
    missing = [
        name for name, item in declared.items() if name not in texts and item.default is None
    ]
    if missing:
        raise ProjectError(
            f"{project.where}: entry point {entry_point.name!r}: "
            f"No value given for missing parameters: {', '.join(map(repr, missing))}",
            hint=" ".join(f"-P {name}=VALUE" for name in missing),
        )
    for name in {**declared, **texts}:
        if name not in declared and not _KEY.fullmatch(name):
            raise ProjectError(
                f"{name!r} cannot be the name of a parameter",
                hint="use letters, digits and _ . : / -, beginning with a letter, digit or _",
            )
        check_key("param", name)


def _settled(uri: str, store: Store) -> str:
    # What `@` and `best:…` name is another run tomorrow; an id stays.
    match = _MOVING.match(uri)
    return f"runs:/{search.find(store, match[1]).run_id}{uri[match.end() :]}" if match else uri


def _checked(
    parameter: Parameter, text: str, folders: tuple[Path, ...], where: str, store: Store
) -> str:
    if parameter.type in ("float", "int"):
        is_number = _FLOAT.fullmatch(text) if parameter.type == "float" else _INT.fullmatch(text)
        if not is_number or math.isinf(float(text)):
            example = "0.5" if parameter.type == "float" else "3"
            raise ProjectError(
                f"{where}{text!r} is no {parameter.type}",
                hint=f"{_mend(where)}-P {parameter.name}={example}",
            )
        return text
    if parameter.type == "path":
        return _existing(parameter, text, folders, where, store)
    if parameter.type == "uri" and not _SCHEME.match(text):
        found = (folder / text for folder in folders if (folder / text).exists())
        return str(next(found, folders[0] / text).absolute())
    return text


def _mend(where: str) -> str:
    return "correct the default, or give a value: " if where.endswith("default ") else "such as "


def _existing(
    parameter: Parameter, text: str, folders: tuple[Path, ...], where: str, store: Store
) -> str:
    if text.startswith("runs:/"):
        text = str(downloading.locate(text, store))
    scheme = _SCHEME.match(text)
    is_file = scheme is not None and scheme[1].lower() == "file"
    local = unquote(urlsplit(text).path) if is_file else text
    if local.startswith("~/"):
        local = str(Path(local).expanduser())
    try:
        found = next(
            (folder / local for folder in folders if local and (folder / local).exists()), None
        )
    except (OSError, ValueError):  # too long, or holds NUL
        found = None
    if found is not None:
        return str(found.absolute())
    if scheme and not is_file and "://" in text:
        raise ProjectError(
            f"{where}{text!r} is not on this machine, and the parameter is a path",
            hint="download it first, or declare the parameter as uri",
        )
    raise ProjectError(
        f"{where}{text!r}: no such file or directory was found",
        hint=f"paths are meant from {folders[0]}; {_mend(where)}-P {parameter.name}=PATH",
    )


def _plain(parameter: Parameter, text: str, root: Path) -> Value:
    if parameter.type in ("path", "uri"):
        path = Path(text)
        inside = path.is_absolute() and path.is_relative_to(root)
        return path.relative_to(root).as_posix() if inside else text
    return text if parameter.type == "string" else as_number(text)


def as_number(text: str) -> Value:
    """Return a text as a number, where that loses nothing of how it was written."""
    for parse in (int, float):
        try:
            if str(number := parse(text)) == text:
                return number
        except ValueError:
            continue
    return text
