"""Where a run came from.

Its command, code, environment and who ran it, found beside the work and never in its way.
"""

from __future__ import annotations

import os
import shlex
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import secrets, settings
from gittrack.errors import RunStateError, ToolError
from gittrack.git import state
from gittrack.git.command import run_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_COMMAND = 2000
FRESH_SECONDS = 2.0
PATIENCE_SECONDS = 0.5
WAIT_SECONDS = 15.0


@dataclass(frozen=True)
class Provenance:
    """What is recorded of where a run came from.

    Attributes:
        git: the entry `source.git`, or None outside a repository.
        patch: bytes of `source.patch`, empty where nothing was changed.
        requirements: bytes of `requirements.txt`.
        user: who ran it, or None.
        left_out: what was not recorded since it holds or could hold a secret, or is too large.
    """

    git: Mapping[str, Any] | None = None
    patch: bytes = b""
    requirements: bytes = b""
    user: str | None = None
    left_out: tuple[str, ...] = field(default=())


class Capture:
    """A provenance being found by a thread of its own, so that a huge work tree delays nothing."""

    def __init__(self, code: Path, store: Path) -> None:
        self.started = time.monotonic()
        self._result: Provenance | None = None
        self._thread = threading.Thread(
            target=self._find, args=(code, store), name="gittrack-provenance", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError:  # no more threads are to be had
            self._result = Provenance(requirements=requirements(), user=_user(None))

    def ready(self) -> bool:
        """Tell whether the result is there, without waiting."""
        return self._result is not None

    def result(self, timeout: float) -> Provenance | None:
        """Wait for the result, at most `timeout` seconds; None where it is not there by then."""
        if self._result is None:
            self._thread.join(timeout)
        return self._result

    def _find(self, code: Path, store: Path) -> None:
        found = state.capture(code, store=store)
        patch = found.patch if found else None
        self._result = Provenance(
            git=found.to_json() if found else None,
            patch=patch.data if patch else b"",
            requirements=requirements(),
            user=_user(found.user if found else None),
            left_out=tuple(f"source.patch: {name}" for name in patch.left_out) if patch else (),
        )


_recent: dict[tuple[int, Path, Path], Capture] = {}


def capture(code: Path, store: Path) -> Capture:
    """Begin to find the provenance of a run whose code is in a folder.

    Runs that this process starts within `FRESH_SECONDS` share one capture. Waits a little for the
    result, so that in a usual repository nothing that the run does can change what is recorded.
    """
    key = (os.getpid(), code, store)
    found = _recent.get(key)
    if found is None or time.monotonic() - found.started > FRESH_SECONDS:
        found = Capture(code, store)
        _recent.clear()
        _recent[key] = found
        found.result(PATIENCE_SECONDS)
    return found


def check_clean(code: Path, store: Path) -> None:
    """Refuse to start a run whose code is not committed, where that is asked for.

    Raises:
        RunStateError: there are uncommitted changes, or it could not be found out.
    """
    if not settings.requires_clean():
        return
    found = capture(code, store).result(WAIT_SECONDS)
    git = found.git if found else None
    if git is None or git.get("dirty") or not git.get("commit"):
        what = "has uncommitted changes" if git else "is not in a Git work tree that can be read"
        raise RunStateError(
            f"{code} {what}, and {settings.REQUIRE_CLEAN} allows no run then",
            hint="commit first: git status shows what is open",
        )


def requirements(search_path: Iterable[str] | None = None) -> bytes:
    """Return the installed packages as `name==version`, sorted, one a line.

    They are read off the names of the `*.dist-info` folders on the search path (default:
    `sys.path`), since reading each one's metadata takes longer than a short script.
    """
    found: dict[str, str] = {}
    for entry in search_path if search_path is not None else sys.path:
        try:
            names = [
                item.name for item in os.scandir(entry or ".") if item.name.endswith(".dist-info")
            ]
        except OSError:
            continue
        for name in sorted(names):
            package, _, version = name.removesuffix(".dist-info").partition("-")
            if version:
                found.setdefault(package.replace("_", "-").lower(), version)
    return "".join(f"{package}=={found[package]}\n" for package in sorted(found)).encode()


def script_source(code: Path) -> dict[str, object]:
    """Return the entry `source` of a run that a script or a notebook opened itself."""
    kind = "NOTEBOOK" if "ipykernel" in sys.modules else "LOCAL"
    return {"type": kind, "command": command_line(settings.git_root(code))}


def command_line(git_root: Path | None) -> str:
    """Return the command that started this process.

    Paths below the Git root made relative, secrets left out.
    """
    arguments = getattr(sys, "orig_argv", []) or [sys.executable, *sys.argv]
    return _told(tuple(arguments), git_root)


@lru_cache(maxsize=1)
def _told(arguments: tuple[str, ...], git_root: Path | None) -> str:
    shown = (Path(arguments[0]).name, *arguments[1:])
    text = secrets.redact_command(shlex.join(_relative(argument, git_root) for argument in shown))
    return text if len(text) <= MAX_COMMAND else text[: MAX_COMMAND - 3] + "..."


def code_folder() -> Path:
    """Return the folder of the running script where it lies in a Git work tree.

    Else the working folder.
    """
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    folder = Path(main).absolute().parent if main else None
    return folder if folder and settings.git_root(folder) else settings.working_folder()


def platform() -> str:
    """Return system and machine, such as `Linux-x86_64`."""
    if hasattr(os, "uname"):
        return f"{os.uname().sysname}-{os.uname().machine}"
    import platform as system

    return f"{system.system()}-{system.machine()}"


def python_version() -> str:
    """Return the version of the running Python, such as `3.11.7`."""
    return "{}.{}.{}".format(*sys.version_info[:3])


def _user(git_name: str | None) -> str | None:
    chosen = settings.user()
    return (chosen if chosen is not None else git_name or settings.login()) or None


def _relative(argument: str, git_root: Path | None) -> str:
    path = Path(argument)
    if git_root is None or not path.is_absolute():
        return argument
    try:
        return path.relative_to(git_root).as_posix()
    except ValueError:
        return argument


def commit(source: Mapping[str, Any]) -> str | None:
    """Return the commit of a run's code; while it is still looked for, that of this process's."""
    known = source.get("git")
    if isinstance(known, dict):
        return known.get("commit")
    try:
        found = run_git(["rev-parse", "-q", "--verify", "HEAD"], cwd=code_folder(), check=False)
    except ToolError:
        return None
    return found.strip() or None


def author(folder: Path) -> str | None:
    """Return who works in a folder, as runs made there say it."""
    try:
        git_name = run_git(["config", "user.name"], cwd=folder, check=False).strip()
    except ToolError:
        git_name = ""
    return _user(git_name or None)
