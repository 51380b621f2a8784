"""Looking through a tree's files for secrets, for links, and for what was left half-written."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from gittrack import files, paths, secrets
from gittrack.git import ignored

if TYPE_CHECKING:
    from gittrack.health.finding import Report

_HEAD = 8192
_BLOCK = 1 << 22
_OVERLAP = 4096
_MARKS = [re.compile(mark, re.MULTILINE) for mark in (r"^<<<<<<< ", r"^=======\r?$", r"^>>>>>>> ")]
_TAKE = "take one side of it: git checkout --ours PATH, or --theirs, where the merge goes on"


def check_folder(folder: Path, root: Path, report: Report, *, merged: bool = False) -> bool:
    """Check the files below a folder, see `check_file`; tell whether all could be read."""
    waiting, is_whole = [folder], True
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as listed:
                entries = list(listed)
        except OSError as error:
            report.add("broken file", here, error.strerror or str(error))
            is_whole = False
            continue
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink():
                check_link(path, root, report)
            elif entry.name.lower() == ".git":
                report.add("git ignores", path, "Git takes no folder of that name")
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            elif entry.name.endswith(paths.TEMPORARY):
                check_leftover(path, report)
            else:
                is_whole &= try_file(path, report, merged=merged)
    return is_whole


def check_link(path: Path, root: Path, report: Report) -> None:
    """Report a link: Git keeps where it points to, and nothing of what is there."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        report.add("link", path, "is a link to nothing")
        return
    if not target.is_relative_to(root.resolve()):
        report.add("link", path, "is a link that leads out of the store; a clone would lack it")


def check_leftover(path: Path, report: Report) -> None:
    """Report what is half-written, unless a process may be writing it still."""
    with suppress(FileNotFoundError):
        if files.is_leftover(path):
            report.add("leftover", path, "was left half-written by a killed process")


def check_file(path: Path, report: Report, *, merged: bool = False) -> None:
    """Report the first secret of each kind in a text file, and files that usually hold one.

    Args:
        merged: whether the markers of a merge are reported too; of the tree's own files, those
            who read them do that.

    Raises:
        OSError: it cannot be read.
    """
    hint = "take it out, and out of Git's history if it was committed; then make a new secret"
    if secrets.is_secret_file(path.name):
        report.add("secret", path, "is a file that usually holds secrets", hint=hint)
    if path.lstat().st_size > ignored.MOST_BYTES and not ignored.is_filtered(path):
        report.add("git ignores", path, "is larger than hosting sites take, without Git LFS")
    with files.open_plain(path) as file:
        block = file.read(_BLOCK)
        if b"\0" in block[:_HEAD]:
            return
        lines, found = 0, set[str]()
        while block:
            # Every rule is of ASCII, and each byte is a letter, so that nothing has to be decoded.
            text = block.decode("latin-1")
            if merged and not lines and _is_merged(text):
                report.add(
                    "conflict", path, "holds the conflict markers of a Git merge", hint=_TAKE
                )
            hit = secrets.search(text)
            if hit is not None and hit[0] not in found:
                found.add(hit[0])
                line = lines + text.count("\n", 0, hit[1]) + 1
                report.add(
                    "secret",
                    path,
                    f"holds what looks like a secret ({hit[0]})",
                    line=line,
                    hint=hint,
                )
            if len(block) < _BLOCK:
                return
            lines += text.count("\n", 0, len(text) - _OVERLAP)
            block = block[-_OVERLAP:] + file.read(_BLOCK - _OVERLAP)


def try_file(path: Path, report: Report, *, merged: bool = False) -> bool:
    """Check a file, see `check_file`, and report where it cannot be read."""
    report.files += 1
    try:
        check_file(path, report, merged=merged)
    except OSError as error:
        report.add("broken file", path, error.strerror or str(error))
        return False
    return True


def _is_merged(text: str) -> bool:
    place = text.find("<<<<<<< ")
    for mark in _MARKS:
        found = mark.search(text, place) if place >= 0 else None
        place = found.end() if found is not None else -1
    return place >= 0
