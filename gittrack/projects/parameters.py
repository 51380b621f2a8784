"""Values for the parameters of an entry point: typed, checked, with defaults and extras."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from gittrack import search, settings
from gittrack.errors import ProjectError
from gittrack.models.stored import parse_registered
from gittrack.models.uri import resolve as model_folder
from gittrack.projects import web
from gittrack.registry import Registry
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
_FILES = ("path", "uri")


@dataclass(frozen=True)
class Values:
    """The values of one run.

    Attributes:
        declared: text for the placeholders of the command; paths made absolute.
        extra: text for what the entry point does not declare, in the order given.
        plain: all of them as they are recorded: as given, numbers as numbers.
        reaches: the files and folders among them.
        downloads: where those are expected that URLs give.
    """

    declared: Mapping[str, str]
    extra: Mapping[str, str]
    plain: Mapping[str, Value]
    reaches: tuple[Path, ...] = ()
    downloads: Mapping[str, Path] = field(default_factory=dict)


def resolve(
    project: Project,
    entry_point: EntryPoint,
    given: Mapping[str, object],
    *,
    callers: tuple[Path, ...],
    store: Store,
    scratch: Path,
) -> Values:
    """Return the values for a run of an entry point.

    Args:
        callers: the folders that relative paths are meant from.
        store: where `runs:/@/model` is looked up, before the run is made that would then be `@`.
        scratch: the folder that downloads of this run go to.

    Raises:
        ProjectError: values are missing (all are named), not of their type, or have a name that
            cannot be an option's.
        NotFoundError: a URI names a run that is not there.
    """
    texts = {name: str(value) for name, value in given.items() if value is not None}
    _check_names(project, entry_point, texts)
    root = settings.git_root(store.root) or store.root.parent
    declared = entry_point.parameters
    settled = {
        name: _settled(parameter, texts.get(name, parameter.default or ""), store)
        for name, parameter in declared.items()
    }
    downloads = _downloads(declared, settled, scratch)
    found = {}
    for name, parameter in declared.items():
        where = f"{project.where}: entry point {entry_point.name!r}: parameter {name!r}: "
        look = _Look(where, callers, store, downloads)
        if name not in texts:
            look = _Look(f"{where}its default ", (*callers, project.folder), store, downloads)
        found[name] = _checked(parameter, settled[name], look)
    plain = {name: _plain(parameter, settled[name], root) for name, parameter in declared.items()}
    extra = {name: text for name, text in texts.items() if name not in declared}
    reaches = tuple(
        path
        for name, parameter in declared.items()
        if parameter.type in _FILES and found[name].startswith("/")
        if (path := Path(found[name])).exists() or path in downloads.values()
    )
    return Values(found, extra, {**plain, **extra}, reaches, downloads)


@dataclass(frozen=True)
class _Look:
    """Where a value that names a file is looked for, and how messages name the value."""

    words: str
    folders: tuple[Path, ...]
    store: Store
    downloads: Mapping[str, Path]

    @property
    def mend(self) -> str:
        is_default = self.words.endswith("default ")
        return "correct the default, or give a value: " if is_default else "such as "


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


def _settled(parameter: Parameter, text: str, store: Store) -> str:
    # What `@`, `best:…` and an alias name is another one tomorrow; an id and a number stay.
    if parameter.type == "path" and text.startswith("models:/"):
        version = Registry(store).named(*parse_registered(text))
        return f"models:/{version.name}/{version.number}"
    match = _MOVING.match(text) if parameter.type in _FILES else None
    return f"runs:/{search.find(store, match[1]).run_id}{text[match.end() :]}" if match else text


def _downloads(
    declared: Mapping[str, Parameter], texts: Mapping[str, str], scratch: Path
) -> dict[str, Path]:
    urls = [
        texts[name]
        for name, parameter in declared.items()
        if parameter.type == "path" and web.is_url(texts[name])
    ]
    # A folder each, so that two files of one name do not meet.
    return {
        url: scratch / f"param_{index}" / web.file_name(url)
        for index, url in enumerate(dict.fromkeys(urls))
    }


def _checked(parameter: Parameter, text: str, look: _Look) -> str:
    if parameter.type in ("float", "int"):
        is_number = _FLOAT.fullmatch(text) if parameter.type == "float" else _INT.fullmatch(text)
        if not is_number or math.isinf(float(text)):
            example = "0.5" if parameter.type == "float" else "3"
            raise ProjectError(
                f"{look.words}{text!r} is no {parameter.type}",
                hint=f"{look.mend}-P {parameter.name}={example}",
            )
        return text
    if parameter.type == "path":
        return str(look.downloads.get(text) or _existing(parameter, text, look))
    if parameter.type == "uri" and not _SCHEME.match(text):
        found = (folder / text for folder in look.folders if (folder / text).exists())
        return str(next(found, look.folders[0] / text).absolute())
    return text


def _existing(parameter: Parameter, text: str, look: _Look) -> Path:
    local = _local(text, look.store)
    try:
        found = next(
            (folder / local for folder in look.folders if local and (folder / local).exists()), None
        )
    except (OSError, ValueError):  # too long, or holds NUL
        found = None
    if found is not None:
        return found.absolute()
    if local == text and _SCHEME.match(text) and "://" in text:
        raise ProjectError(
            f"{look.words}{text!r} is not on this machine, and the parameter is a path",
            hint="download it first, or declare the parameter as uri",
        )
    raise ProjectError(
        f"{look.words}{text!r}: no such file or directory was found",
        hint=f"paths are meant from {look.folders[0]}; {look.mend}-P {parameter.name}=PATH",
    )


def _local(text: str, store: Store) -> str:
    if text.startswith("runs:/"):
        return str(downloading.locate(text, store))
    if text.startswith("models:/"):
        return str(model_folder(text, store=store))
    if text[:5].lower() == "file:":
        return unquote(urlsplit(text).path)
    return str(Path(text).expanduser()) if text.startswith("~/") else text


def _plain(parameter: Parameter, text: str, root: Path) -> Value:
    if parameter.type in _FILES:
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
