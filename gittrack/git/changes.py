"""What changed between two commits, file by file."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from gittrack.errors import ToolError
from gittrack.git.command import run_git_bytes
from gittrack.git.state import code_paths

SECONDS = 30.0

_PLAIN = ("--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
_PATCH = ("--unified=3", "--src-prefix=a/", "--dst-prefix=b/")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class FileChange(NamedTuple):
    """A file that differs between two commits; lines added and removed, None where it is binary."""

    path: str
    added: int | None
    removed: int | None


class Code(NamedTuple):
    """A state of code: a commit, and a patch of what was not committed."""

    commit: str
    patch: bytes = b""


def between_states(
    first: Code, second: Code, *, cwd: Path, text: bool = False
) -> tuple[list[FileChange], str]:
    """Return the files that differ between two states, and as a patch what differs in them.

    Stores of runs are left out. Nothing is written into the repository.

    Args:
        cwd: a folder of the repository.
        text: make the patch too; else it is "".

    Raises:
        ToolError: a commit is not in it, a patch does not fit, or there is no repository.
    """
    with tempfile.TemporaryDirectory(prefix="gittrack-") as scratch:
        env = _scratch_objects(Path(scratch), cwd) if first.patch or second.patch else {}
        states = [_tree(state, cwd, env) for state in (first, second)]
        listed = _diff(["--numstat", "-z", *states], cwd, env)
        entries = listed.decode(errors="surrogateescape").split("\0")
        changes = [_parse(entry) for entry in entries if entry]
        patch = _diff([*_PATCH, *states], cwd, env) if text and changes else b""
    return changes, patch.decode(errors="replace")


def between_files(first: Path, second: Path) -> tuple[int, int, str]:
    """Return how many lines two text files differ by, added and removed, and the patch.

    Raises:
        ToolError: Git is not there.
    """
    args = ["diff", "--no-index", *_PLAIN, *_PATCH, "--", str(first), str(second)]
    patch = run_git_bytes(args, cwd=first.parent, check=False, timeout=SECONDS)
    lines = patch.decode(errors="replace").splitlines()[4:]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return added, removed, "\n".join(lines)


def _diff(args: list[str], cwd: Path, env: dict[str, str]) -> bytes:
    return run_git_bytes(
        ["diff", *_PLAIN, "--ignore-submodules=dirty", *args, *code_paths()],
        cwd=cwd,
        env=env,
        timeout=SECONDS,
    )


def _scratch_objects(scratch: Path, cwd: Path) -> dict[str, str]:
    """Return the environment in which Git writes objects and an index into a folder of ours."""
    (scratch / "objects").mkdir()
    objects = run_git_bytes(["rev-parse", "--git-path", "objects"], cwd=cwd).decode().rstrip("\n")
    return {
        "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((cwd / objects).resolve()),
        "GIT_INDEX_FILE": str(scratch / "index"),
    }


def _tree(state: Code, cwd: Path, env: dict[str, str]) -> str:
    """Return the name of a commit, or of its tree with the patch applied."""
    check(state.commit, cwd=cwd)
    if not state.patch:
        return state.commit
    top = run_git_bytes(["rev-parse", "--show-cdup"], cwd=cwd).decode().strip()
    run_git_bytes(["read-tree", state.commit], cwd=cwd, env=env, timeout=SECONDS)
    run_git_bytes(
        ["apply", "--cached", "--whitespace=nowarn", "-"],
        cwd=cwd / top,
        env=env,
        stdin=state.patch,
        timeout=SECONDS,
    )
    return run_git_bytes(["write-tree"], cwd=cwd, env=env, timeout=SECONDS).decode().strip()


def check(*commits: str, cwd: Path) -> None:
    """Make sure that commits are in a repository.

    Raises:
        ToolError: one of them is not, or there is no repository.
    """
    for commit in commits:
        # It comes from a file that anyone can have written: no option may reach Git this way.
        if not _COMMIT.fullmatch(commit):
            raise ToolError(f"{commit!r} is not a commit's full name")
        if not _holds(commit, cwd):
            raise ToolError(f"commit {commit[:10]} is not in the repository of {cwd}")


def _holds(commit: str, cwd: Path) -> bool:
    kind = run_git_bytes(["cat-file", "-t", commit], cwd=cwd, check=False, timeout=SECONDS)
    return kind.strip() == b"commit"


def _parse(entry: str) -> FileChange:
    added, removed, path = entry.split("\t", 2)
    return FileChange(path, _lines(added), _lines(removed))


def _lines(text: str) -> int | None:
    return int(text) if text.isdigit() else None
