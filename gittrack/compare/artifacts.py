"""What differs of the artifacts of two runs, and of the models among them."""

from __future__ import annotations

import filecmp
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from gittrack import files, paths
from gittrack.compare.changes import Change, pairs
from gittrack.compare.contents import Content, compare_contents
from gittrack.compare.environment import package_pairs, read_packages
from gittrack.errors import ModelError
from gittrack.files import Problem
from gittrack.models import mlmodel

if TYPE_CHECKING:
    from gittrack.runs.values import ParamValue

_MOST_LOOKED_INTO = 200


class ArtifactChange(NamedTuple):
    """An artifact: its sizes, None on the side of the run that lacks it, and how it differs."""

    path: str
    first: int | None
    second: int | None
    same: bool = False
    content: Content | None = None

    @property
    def differs(self) -> bool:
        """Whether the contents are not the same."""
        return not self.same

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON; a side that is absent has no key."""
        sides = {"first": self.first, "second": self.second}
        entry: dict[str, object] = {"path": self.path}
        entry |= {side: {"size": size} for side, size in sides.items() if size is not None}
        if self.content is not None:
            entry["content"] = {
                "kind": self.content.kind,
                "summary": self.content.summary,
                "entries": [change.to_dict() for change in self.content.entries],
                "patch": self.content.patch,
            }
        return entry


def artifact_pairs(
    first: Path, second: Path, problems: list[Problem], *, everything: bool = False
) -> tuple[ArtifactChange, ...]:
    """Return the artifacts below two folders that differ, or all, by their contents."""
    one, other = (files.sizes(folder, problems) for folder in (first, second))
    found: list[ArtifactChange] = []
    looked_into = 0
    for path in sorted({**one, **other}):
        sizes = one.get(path), other.get(path)
        same, content = False, None
        if None not in sizes:
            same = same_file(first / path, second / path, problems)
            if not same and looked_into < _MOST_LOOKED_INTO:
                looked_into += 1
                content = compare_contents(first / path, second / path)
        if everything or not same:
            found.append(ArtifactChange(path, *sizes, same, content))
    return tuple(found)


def same_file(first: Path, second: Path, problems: list[Problem]) -> bool:
    """Tell whether two files have the same bytes; what cannot be read is a problem."""
    try:
        # A link is its text: what it leads to may be anywhere, and anything.
        if first.is_symlink() or second.is_symlink():
            links = [path.readlink() if path.is_symlink() else None for path in (first, second)]
            return links[0] == links[1]
        return filecmp.cmp(first, second, shallow=False)
    except OSError as error:
        problems.append(Problem(Path(error.filename or first), error.strerror or str(error)))
        return True


def model_pairs(first: Path, second: Path, problems: list[Problem]) -> tuple[Change, ...]:
    """Return signature, flavors and requirements of the models that both folders hold."""
    found: list[Change] = []
    ignored: list[Problem] = []
    for path in sorted(_models(first, ignored) & _models(second, ignored)):
        sides = [_about(folder / path, problems) for folder in (first, second)]
        found += [
            change._replace(name=f"{path} {change.name}") for change in pairs(*sides, sort=False)
        ]
        packages = [read_packages(folder / path, problems) for folder in (first, second)]
        found += [
            change._replace(name=f"{path} {change.name}") for change in package_pairs(*packages)
        ]
    return tuple(found)


def _models(folder: Path, problems: list[Problem]) -> set[str]:
    return {
        PurePosixPath(path).parent.as_posix()
        for path in files.sizes(folder, problems)
        if PurePosixPath(path).name == paths.MLMODEL
    }


def _about(folder: Path, problems: list[Problem]) -> dict[str, ParamValue]:
    try:
        model = mlmodel.read(folder)
    except ModelError as error:
        problems.append(Problem(folder / paths.MLMODEL, error.message))
        return {}
    signature = model.signature.to_dict() if model.signature else {}
    about: dict[str, ParamValue] = {
        f"signature {key}": str(value) for key, value in signature.items() if value is not None
    }
    about["flavors"] = ", ".join(sorted(model.flavors))
    for flavor, entry in sorted(model.flavors.items()):
        versions = {key: value for key, value in entry.items() if key.endswith("_version")}
        about |= {f"{flavor} {key}": str(value) for key, value in sorted(versions.items())}
    return about
