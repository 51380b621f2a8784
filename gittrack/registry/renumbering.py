"""Giving a version another number: of two branches that registered the same, one has to move.

Git leaves the version's file in conflict, with both versions in it. The one that was registered
first keeps the number, so that whoever mends the conflict comes to the same. What only the other's
branch says of the number moves with it: aliases, later changes, and `models:/NAME/3` in files.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gittrack import files, settings
from gittrack.errors import NotFoundError, StoreError, ToolError
from gittrack.git.command import run_git
from gittrack.registry import names, reading, version
from gittrack.registry.registry import put

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.registry.reading import RegisteredModel
    from gittrack.registry.registry import Registry
    from gittrack.registry.version import Version

_CONFLICT = re.compile(
    r"^<{7}[^\n]*\n(?P<ours>.*?)(?:^\|{7}[^\n]*\n.*?)?^={7}\n(?P<theirs>.*?)^>{7}[^\n]*(?:\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
_OTHERS = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD", "REVERT_HEAD")


@dataclass(frozen=True)
class Renumbered:
    """What became of a number.

    Attributes:
        moved: the version under its new number.
        kept: the version that has the old number now, if one has.
        aliases: those that moved with it.
        changed: the files in which a reference was changed.
        unclear: what names the old number, and was left for a person to decide.
    """

    moved: Version
    kept: Version | None
    aliases: tuple[str, ...] = ()
    changed: tuple[Path, ...] = ()
    unclear: tuple[Path, ...] = ()


class _Sides(NamedTuple):
    """The revisions of a merge; "" where a side is not known, None where there is no merge."""

    kept: str | None = None
    moved: str | None = None
    moved_is: str = "ours"

    def is_moved(self, kept: bool, moved: bool) -> bool | None:
        """Tell from which sides say something whether it moves; None where that is unclear."""
        if self.kept is None:
            return True
        return (None if kept else True) if moved else False


def renumber(registry: Registry, name: str, number: object) -> Renumbered:
    """Give a version the next number that nobody has, with all that names it.

    Raises:
        NotFoundError: there is no such model or version.
        StoreError: its file can be read as neither one nor two versions.
    """
    model, old = registry.model(name), names.check_number(number)
    path = reading.version_path(model, old)
    try:
        text = files.read_bytes(path).decode()
    except (OSError, ValueError):
        raise NotFoundError(
            f"{name} has no version {old}", hint=f"it should be in {path}"
        ) from None
    kept: Version | None = None
    sides = _Sides()
    if _CONFLICT.search(text):
        kept, moved, sides = _sides(model, text, path)
        files.write_atomic(path, version.to_bytes(kept))
    else:
        moved = registry.version(name, old)
    made = put(model, moved)
    if kept is None:
        path.unlink()
    moves = {one: _repoint(one, old, made.number, sides) for one in _alias_files(model)}
    _move_edits(path.with_suffix(""), made.number, sides)
    changed: list[Path] = []
    for file, moving in _references(registry.store.root, made.name, old, sides).items():
        if moving and not file.is_relative_to(registry.store.root):
            _rewrite(file, made.name, old, made.number)
            changed.append(file)
        else:  # what runs recorded stays as it was
            moves[file] = None
    return Renumbered(
        made,
        kept,
        aliases=tuple(one.name for one, moved_too in moves.items() if moved_too),
        changed=tuple(changed),
        unclear=tuple(one for one, moved_too in moves.items() if moved_too is None),
    )


def _sides(model: RegisteredModel, text: str, path: Path) -> tuple[Version, Version, _Sides]:
    """Return the version that keeps its number, the one that moves, and where each is from."""
    found: dict[str, Version] = {}
    for side in ("ours", "theirs"):
        content = _CONFLICT.sub(lambda match, side=side: match[side], text)  # type: ignore[misc]
        try:
            found[side] = version.from_json(model.name, json.loads(content))
        except ValueError as error:
            raise StoreError(
                f"{path}: the version of one side of the conflict cannot be read: {error}",
                hint=f"git checkout --ours {path}, or --theirs",
            ) from None
    kept, moved = sorted(found, key=lambda side: (found[side].time, found[side].run_id))
    revisions = {"ours": "HEAD", "theirs": _other(model.folder)}
    return found[kept], found[moved], _Sides(revisions[kept], revisions[moved], moved)


def _other(folder: Path) -> str:
    for name in _OTHERS:
        if run_git(["rev-parse", "-q", "--verify", name], cwd=folder, check=False).strip():
            return name
    return ""


def _shown(revision: str | None, file: Path) -> str:
    """Return what a revision has in a file, "" where it has none."""
    if not revision:
        return ""
    return run_git(["show", f"{revision}:./{file.name}"], cwd=file.parent, check=False)


def _alias_files(model: RegisteredModel) -> list[Path]:
    return sorted(path for path in (model.folder / "aliases").glob("*") if path.is_file())


def _repoint(alias: Path, old: int, new: int, sides: _Sides) -> bool | None:
    """Let an alias follow a version that moved; in a conflict only on the side that it is of."""
    text = files.read_bytes(alias).decode(errors="replace")
    if conflict := _CONFLICT.search(text):
        begin, end = conflict.span(sides.moved_is)
        if sides.kept is None or conflict[sides.moved_is].strip() != str(old):
            return False
        files.write_atomic(alias, f"{text[:begin]}{new}\n{text[end:]}".encode())
        return True
    if text.strip() != str(old):
        return False
    said = [_shown(revision, alias).strip() == str(old) for revision in (sides.kept, sides.moved)]
    moves = sides.is_moved(*said)
    if moves:
        files.write_atomic(alias, f"{new}\n".encode())
    return moves


def _move_edits(folder: Path, new: int, sides: _Sides) -> None:
    target = folder.with_name(str(new))
    for edit in sorted(folder.glob("edit-*.json")):
        if sides.is_moved(bool(_shown(sides.kept, edit)), bool(_shown(sides.moved, edit))):
            files.make_folder(target)
            edit.rename(target / edit.name)


def _references(store: Path, name: str, old: int, sides: _Sides) -> dict[Path, bool | None]:
    """Return the files that Git knows and that name the version, and whether each moves with it."""
    top = settings.git_root(store)
    if top is None:
        return {}
    here = _grep(top, name, old, None)
    kept, moved = (_grep(top, name, old, side) if side else set() for side in sides[:2])
    found = {top / one: sides.is_moved(one in kept, one in moved) for one in sorted(here)}
    return {file: moves for file, moves in found.items() if moves is not False}


def _grep(top: Path, name: str, number: int, revision: str | None) -> set[str]:
    pattern = rf"models:/{re.escape(name)}/{number}([^0-9]|$)"
    command = ["grep", "-I", "-l", "-z", "-E", "-e", pattern, *([revision] if revision else [])]
    try:
        found = run_git(command, cwd=top, check=False)
    except ToolError:
        return set()
    return {one.removeprefix(f"{revision}:") for one in found.split("\0") if one}


def _rewrite(file: Path, name: str, old: int, new: int) -> None:
    text = files.read_bytes(file).decode(errors="surrogateescape")
    pattern = rf"(models:/{re.escape(name)}/){old}(?!\d)"
    changed = re.sub(pattern, lambda match: f"{match[1]}{new}", text)
    mode = file.stat().st_mode
    files.write_atomic(file, changed.encode(errors="surrogateescape"))
    file.chmod(mode)
