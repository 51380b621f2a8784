"""Reading the folder of a registered model: its name, aliases and versions, edits applied."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from gittrack import files, paths
from gittrack.errors import NewerFormatError, StoreError
from gittrack.files import Problem
from gittrack.registry import names, version
from gittrack.runs import edits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gittrack.registry.version import Version
    from gittrack.runs.edits import Edit

RENUMBER = "gittrack models renumber"

_MOST = 1000


@dataclass(frozen=True)
class RegisteredModel:
    """A name that versions are registered under; its folder never changes, its name may.

    Attributes:
        note: its description.
        aliases: the number of the version that each points to.
        changed: when it was last edited, in ms since 1970 UTC; 0 where it never was.
        problems: what could not be read of it.
    """

    name: str
    folder: Path
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, int] = field(default_factory=dict)
    deleted: bool = False
    changed: int = 0
    problems: tuple[Problem, ...] = ()


class Versions(NamedTuple):
    """The versions that could be read, the newest first, and what is wrong with the others."""

    versions: list[Version]
    problems: list[Problem]


def is_model(folder: Path) -> bool:
    """Tell whether a folder is a registered model's; one of MLflow's registry is not ours."""
    plain = folder.is_dir() and not folder.is_symlink() and not folder.name.startswith(".")
    return plain and not (folder / "meta.yaml").exists()


def read_model(folder: Path) -> RegisteredModel:
    """Return a registered model; what cannot be read of it is a problem."""
    changed = edits.read(folder)
    problems = list(changed.problems)
    name = folder.name
    try:
        stored = files.read_json(folder / paths.MODEL_JSON).get("name")
        name = stored if isinstance(stored, str) else name
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        problems.append(Problem(folder / paths.MODEL_JSON, str(error)))
    return RegisteredModel(
        name=changed.joined.name or name,
        folder=folder,
        note=changed.joined.note or "",
        tags=_tags(changed.joined),
        aliases=_aliases(folder / "aliases", problems),
        deleted=bool(changed.joined.deleted),
        changed=changed.joined.time,
        problems=tuple(problems),
    )


def _aliases(folder: Path, problems: list[Problem]) -> dict[str, int]:
    found: dict[str, int] = {}
    try:
        listed = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return found
    for path in listed:
        if path.name.endswith(paths.TEMPORARY) or path.name.startswith("."):
            continue
        try:
            text = files.read_bytes(path, most=_MOST).decode().strip()
            found[names.check_alias(path.name)] = names.check_number(text)
        except FileNotFoundError:  # it was taken away since
            continue
        except (OSError, ValueError) as error:
            conflict = isinstance(error, ValueError) and "<<<<<<<" in str(error)
            message = "holds the conflict markers of a Git merge" if conflict else str(error)
            hint = f"write the number of one version into {path}"
            problems.append(Problem(path, message.split("\n")[0], hint=hint))
    return found


def numbers(folder: Path) -> list[int]:
    """Return the numbers that were ever given, in order."""
    try:
        entries = [path.name for path in (folder / "versions").iterdir()]
    except OSError:
        return []
    stems = [name.removesuffix(".json") for name in entries if name.endswith(".json")]
    return sorted(int(stem) for stem in stems if stem.isascii() and stem.isdecimal())


def version_path(model: RegisteredModel, number: int) -> Path:
    """Return the path of a version's file."""
    return model.folder / "versions" / f"{number}.json"


def alias_path(model: RegisteredModel, alias: str) -> Path:
    """Return the path of an alias."""
    return model.folder / "aliases" / alias


def read_version(model: RegisteredModel, number: int) -> Version:
    """Return a version, removed or not.

    Raises:
        StoreError: its file cannot be read.
    """
    path = version_path(model, number)
    try:
        found = version.from_json(model.name, files.read_json(path))
    except NewerFormatError as error:
        raise NewerFormatError(f"{path} {error.message}", hint=error.hint) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        hint = f"git log -- {path} shows its earlier states"
        if "conflict markers" in str(reason):
            hint = (
                f"give one of the two another number: {RENUMBER} {shlex.quote(model.name)}/{number}"
            )
        raise StoreError(f"{path} {reason}", hint=hint) from None
    if found.number != number:
        raise StoreError(f"{path} says version {found.number}", hint="rename the file")
    changed = edits.read(path.with_suffix("")).joined
    aliases = tuple(alias for alias, pointed in model.aliases.items() if pointed == number)
    return replace(
        found,
        note=changed.note or "",
        tags=_tags(changed),
        aliases=aliases,
        changed=changed.time,
    )


def _tags(edit: Edit) -> dict[str, str]:
    return {key: value for key, value in edit.tags.items() if value is not None}
