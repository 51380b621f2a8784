"""Copying files that strangers made: no link is followed, nothing leaves the target."""

from __future__ import annotations

import shutil
import stat
from contextlib import ExitStack
from typing import TYPE_CHECKING

from gittrack import artifactfiles, files
from gittrack.files import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Report = Callable[[Iterable[Problem]], None]

_BLOCK = 1 << 20


def copy(source: Path, target: Path, report: Report) -> None:
    """Copy a folder's files below another, or one file to a path; what is left is reported.

    Links, pipes and devices are left out, and so is what Git would never take; a `.gitignore` is
    kept under another name, as its rules would reach the files beside it.
    """
    try:
        mode = source.lstat().st_mode
    except OSError as error:
        report([Problem(source, error.strerror or str(error))])
        return
    if not stat.S_ISDIR(mode):
        _copy_file(source, target, report)
        return
    problems: list[Problem] = []
    for path in files.walk(source, problems):
        parts = path.relative_to(source).parts
        kept = [artifactfiles.name_in_git(part) for part in parts]
        if None in kept:
            problems.append(Problem(path, "is left out: Git does not take a file of that name"))
            continue
        _copy_file(path, target.joinpath(*filter(None, kept)), report)
    report(problems)


def _copy_file(source: Path, target: Path, report: Report) -> None:
    with ExitStack() as open_files:
        try:
            read = open_files.enter_context(files.open_plain(source))
        except OSError as error:
            report([Problem(source, f"is left out: {error.strerror or error}")])
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            written = open_files.enter_context(target.open("xb"))
        except FileExistsError:
            report([Problem(source, "is left out: another file goes by that name")])
            return
        shutil.copyfileobj(read, written, _BLOCK)
