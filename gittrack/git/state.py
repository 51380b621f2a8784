"""The state of a work tree: its commit, and as a patch what differs from it."""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from gittrack import paths, secrets
from gittrack.errors import ToolError
from gittrack.git.command import run_git_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PATCH = 1024 * 1024
MAX_UNTRACKED = 64 * 1024
MAX_UNTRACKED_FILES = 200
SECONDS = 10.0

# Every setting of the user that would spoil a patch is overruled here, on the command line.
_DIFF = (
    "diff",
    "--binary",
    "--full-index",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-renames",
    "--unified=3",
    "--submodule=short",
    "--ignore-submodules=dirty",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_TEXT_CHECK = 8000
# Looking at a work tree runs no program of it.
_NO_HOOKS = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "core.hooksPath",
    "GIT_CONFIG_VALUE_0": os.devnull,
}


@dataclass(frozen=True)
class Patch:
    """Uncommitted changes against the recorded commit.

    Attributes:
        data: the patch, as `git apply` takes it; empty where it was not kept.
        sha256: hex digest of the whole patch, kept or not.
        left_out: files whose changes are not in it, since they hold secrets or are too large.
        truncated: whether the patch does not bring the state back.
    """

    data: bytes
    sha256: str
    left_out: tuple[str, ...] = ()
    truncated: bool = False


@dataclass(frozen=True)
class CodeState:
    """What code ran: enough to check it out again."""

    root: Path
    commit: str | None
    branch: str | None = None
    remote: str | None = None
    user: str | None = None
    dirty: bool = False
    patch: Patch | None = None

    def to_json(self) -> dict[str, object]:
        """Return the entry `source.git` of a run's record."""
        entry: dict[str, object] = {
            "commit": self.commit,
            "branch": self.branch,
            "remote": self.remote,
            "dirty": self.dirty,
        }
        if self.patch is not None:
            entry["patch_sha256"] = self.patch.sha256 or None
            entry["patch_truncated"] = self.patch.truncated or None
        return {key: value for key, value in entry.items() if value is not None}


def capture(folder: Path, *, store: Path | None = None) -> CodeState | None:
    """Return the state of the work tree that holds a folder; None outside of one, or without Git.

    What lies in a folder `mlruns`, or in `store`, is not code and left out. Never raises for what
    Git says: a record does not harm the work. What takes longer than `SECONDS` in all is left out
    and marked as truncated.
    """
    deadline = time.monotonic() + SECONDS
    try:
        found = _git(["rev-parse", "--show-toplevel", "--git-path", "index"], folder, deadline)
    except ToolError:
        return None
    root, _, index = found.decode(errors="surrogateescape").rstrip("\n").partition("\n")
    top = Path(root)
    scope = code_paths(top, store)
    remote, user = _config(top, deadline)
    try:
        status = _git(
            ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", *scope],
            top,
            deadline,
        )
    except ToolError:
        commit = _commit_only(top)
        return CodeState(
            top, commit, remote=remote, user=user, dirty=True, patch=Patch(b"", "", truncated=True)
        )
    seen = _parse_status(status)
    commit, branch, dirty = seen.commit, seen.branch, bool(seen.changed or seen.untracked)
    if not dirty or commit is None:
        return CodeState(top, commit, branch, remote, user, dirty=dirty)
    import tempfile

    try:
        with tempfile.TemporaryDirectory(prefix="gittrack-") as scratch:
            work = _Work(top, commit, scope, folder / index, Path(scratch), deadline)
            patch = _patch(work, seen)
    except (ToolError, OSError):
        patch = Patch(b"", "", truncated=True)
    return CodeState(top, commit, branch, remote, user, dirty=True, patch=patch)


def code_paths(top: Path | None = None, store: Path | None = None) -> list[str]:
    """Return the arguments for Git that leave out what is no code: folders `mlruns`, and `store`.

    Args:
        top: the work tree that `store` is looked for in.
    """
    scope = ["--", ":(top)", f":(top,exclude,glob)**/{paths.STORE}/**"]
    inside = store.resolve() if store is not None else None
    if top and inside and inside not in (top, top / paths.STORE) and inside.is_relative_to(top):
        scope.append(f":(exclude,top,literal){inside.relative_to(top).as_posix()}")
    return scope


def is_commit(revision: str, folder: Path) -> bool:
    """Tell whether a revision names a commit in the repository of a folder."""
    if not revision or revision.startswith("-") or "\0" in revision:
        return False
    asked = ["rev-parse", "--verify", "-q", f"{revision}^{{commit}}"]
    return bool(run_git_bytes(asked, cwd=folder, check=False))


def ignoring_rule(path: Path) -> str | None:
    """Return the rule (`.gitignore:3:mlruns/`) by which Git ignores a path, or None."""
    try:
        found = run_git_bytes(
            ["check-ignore", "-v", "--no-index", str(path)], cwd=path.parent, check=False, timeout=5
        )
    except ToolError:
        return None
    rule = found.decode(errors="replace").partition("\t")[0].strip()
    taken_back = rule.split(":", 2)[2:] and rule.split(":", 2)[2].startswith("!")
    return None if taken_back else rule or None


def without_credentials(url: str) -> str:
    """Return a remote's URL without user, password and query, as it may be recorded."""
    try:
        parts = urlsplit(url) if "://" in url else None
    except ValueError:
        parts = None
    if parts is None:
        return secrets.redact(url)
    host = parts.netloc.rpartition("@")[2]
    kept = f"git@{host}" if parts.scheme == "ssh" and parts.netloc.startswith("git@") else host
    return secrets.redact(urlunsplit((parts.scheme, kept, parts.path, "", "")))


@dataclass(frozen=True)
class _Status:
    """What `git status` says. `inside` are submodules that hold changes of their own."""

    commit: str | None = None
    branch: str | None = None
    changed: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Work:
    """A patch in the making: where, against what, of which paths, and until when."""

    top: Path
    commit: str
    scope: list[str]
    index: Path
    scratch: Path
    deadline: float

    def git(self, args: Sequence[str], *, index: str, stdin: bytes = b"") -> bytes:
        env = {"GIT_INDEX_FILE": str(self.scratch / index)}
        return _git(args, self.top, self.deadline, env=env, stdin=stdin)


def _git(
    args: Sequence[str],
    folder: Path,
    deadline: float,
    *,
    env: dict[str, str] | None = None,
    stdin: bytes = b"",
) -> bytes:
    left = deadline - time.monotonic()
    if left <= 0:
        raise ToolError(f"git {args[0]} in {folder}: no time left")
    return run_git_bytes(
        args, cwd=folder, env={**_NO_HOOKS, **(env or {})}, timeout=left, stdin=stdin
    )


def _config(top: Path, deadline: float) -> tuple[str | None, str | None]:
    try:
        listed = _git(
            ["config", "-z", "--get-regexp", r"^(user\.name|remote\..*\.url)$"], top, deadline
        )
    except ToolError:
        return None, None
    found: dict[str, str] = {}
    for item in listed.decode(errors="replace").split("\0"):
        key, _, value = item.partition("\n")
        found[key] = value
    remotes = [key for key in found if key.startswith("remote.")]
    chosen = "remote.origin.url" if "remote.origin.url" in found else next(iter(remotes), None)
    return (without_credentials(found[chosen]) if chosen else None), found.get("user.name")


def _commit_only(top: Path) -> str | None:
    try:
        return (
            run_git_bytes(["rev-parse", "--verify", "-q", "HEAD"], cwd=top, timeout=2)
            .decode()
            .strip()
            or None
        )
    except ToolError:
        return None


def _parse_status(status: bytes) -> _Status:
    """Read the output of `git status --porcelain=v2 --branch -z`."""
    commit = branch = None
    changed: list[str] = []
    untracked: list[str] = []
    inside: list[str] = []
    fields = iter(status.decode(errors="surrogateescape").split("\0"))
    for item in fields:
        if item.startswith("# branch.oid "):
            commit = item[13:] if item[13:] != "(initial)" else None
        elif item.startswith("# branch.head "):
            branch = item[14:] if item[14:] != "(detached)" else None
        elif item.startswith("1 "):
            changed.append(item.split(" ", 8)[8])
            submodule = item.split(" ", 3)[2]
            inside += changed[-1:] if submodule.endswith(("M.", ".U", "MU")) else []
        elif item.startswith("2 "):
            changed += [item.split(" ", 9)[9], next(fields, "")]
        elif item.startswith("u "):
            changed.append(item.split(" ", 10)[10])
        elif item.startswith("? "):
            untracked.append(item[2:])
    return _Status(commit, branch, tuple(changed), tuple(untracked), tuple(inside))


def _patch(work: _Work, status: _Status) -> Patch:
    left_out = [path for path in status.changed if secrets.is_secret_file(Path(path).name)]
    taken, others = _choose_untracked(work.top, status.untracked)
    left_out += others
    # A copy of the user's index knows the times of unchanged files, so that Git need not read them;
    # by its own time Git tells which files may have changed within the same tick of the clock.
    if work.index.is_file():
        shutil.copy2(work.index, work.scratch / "index")
    else:
        work.git(["read-tree", work.commit], index="index")
    if taken:
        names = "\0".join(taken).encode(errors="surrogateescape")
        work.git(
            ["--literal-pathspecs", "add", "-N", "--pathspec-from-file=-", "--pathspec-file-nul"],
            index="index",
            stdin=names,
        )
    excluded = [f":(exclude,top,literal){path}" for path in left_out]
    data = work.git([*_DIFF, work.commit, *work.scope, *excluded], index="index")
    data, secret = _without_secrets(data, work.top)
    left_out = sorted({*left_out, *secret, *status.inside})
    import hashlib

    digest = hashlib.sha256(data).hexdigest() if data else ""
    if len(data) > MAX_PATCH:
        return Patch(b"", digest, tuple(left_out), truncated=True)
    if data:
        work.git(["read-tree", work.commit], index="proof")
        work.git(
            ["apply", "--check", "--cached", "--whitespace=nowarn", "-"], index="proof", stdin=data
        )
    return Patch(data, digest, tuple(left_out), truncated=bool(left_out))


def _choose_untracked(top: Path, untracked: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split untracked files into those for the patch, small texts, and the others."""
    taken: list[str] = []
    others: list[str] = []
    for name in untracked:
        path = top / name
        small = not path.is_symlink() and path.is_file() and path.stat().st_size <= MAX_UNTRACKED
        fits = small and len(taken) < MAX_UNTRACKED_FILES and not secrets.is_secret_file(path.name)
        if fits and _is_text(path):
            taken.append(name)
        else:
            others.append(name)
    return taken, others[:MAX_UNTRACKED_FILES]


def _is_text(path: Path) -> bool:
    try:
        return b"\0" not in path.read_bytes()[:_TEXT_CHECK]
    except OSError:
        return False


def _without_secrets(data: bytes, top: Path) -> tuple[bytes, list[str]]:
    """Leave out of a patch the files whose changes hold a secret."""
    binary = b"\nGIT binary patch\n"
    if binary not in data and secrets.find(data.decode(errors="replace")) is None:
        return data, []
    kept: list[bytes] = []
    left_out: list[str] = []
    for part in re.split(rb"(?m)^(?=diff --git )", data):
        # What Git takes for binary is packed in the patch: the file itself is looked at.
        text = _content(top / _name_in(part)) if binary in part else part
        if part and secrets.find(text.decode(errors="replace")) is not None:
            left_out.append(_name_in(part))
        else:
            kept.append(part)
    return b"".join(kept), left_out


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it was deleted: nothing new is in the patch
        return b""


def _name_in(part: bytes) -> str:
    # Without renames both names are the same, so that the second is the line's second half.
    names = part.split(b"\n", 1)[0].removeprefix(b"diff --git ")
    name = names[len(names) // 2 + 1 :]
    if name.startswith(b'"'):
        name = name[1:-1].decode("unicode_escape").encode("latin-1")
    return name.decode(errors="surrogateescape").removeprefix("b/")
