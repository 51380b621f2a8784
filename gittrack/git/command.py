"""Calls of the `git` program, safe against the user's settings and against the repository's."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from gittrack import settings
from gittrack.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Locks are left alone by reading commands, prompts never block, and neither a location of a Git
# hook nor another meaning of diffs and paths is taken over.
_ENVIRONMENT = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_GIT = ("git", "-c", "core.fsmonitor=false")
_INHERITED = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_DIFF_OPTS",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)


def run_git_bytes(
    args: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    timeout: float | None = None,
    stdin: bytes = b"",
) -> bytes:
    """Run `git ARGS` in a folder and return what it wrote to its standard output.

    Args:
        check: raise where it ends with another code than 0; else its output is returned all the
            same.
        timeout: seconds after which it is killed.

    Raises:
        ToolError: Git is not installed, failed, or took too long.
    """
    try:
        done = subprocess.run(
            [*_GIT, *args],
            cwd=cwd,
            env=_environment(env),
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
    except OSError as error:
        raise _not_started(args, cwd, error) from None
    except subprocess.TimeoutExpired:
        raise ToolError(f"git {args[0]} in {cwd} took longer than {timeout:g} s") from None
    if check and done.returncode:
        words = done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}"
        raise ToolError(f"git {args[0]} failed in {cwd}: {words}")
    return done.stdout


def run_git(
    args: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, check: bool = True
) -> str:
    """Run `git ARGS` in a folder and return its output as text, see `run_git_bytes`."""
    return run_git_bytes(args, cwd=cwd, env=env, check=check).decode(errors="surrogateescape")


def start_git(args: Sequence[str], *, cwd: Path) -> subprocess.Popen[bytes]:
    """Start `git ARGS` in a folder, to be talked to through its standard input and output.

    Raises:
        ToolError: Git is not installed.
    """
    try:
        return subprocess.Popen(
            [*_GIT, *args],
            cwd=cwd,
            env=_environment(None),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise _not_started(args, cwd, error) from None


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return settings.child_environment({**_ENVIRONMENT, **(extra or {})}, without=_INHERITED)


def _not_started(args: Sequence[str], cwd: Path, error: OSError) -> ToolError:
    if not isinstance(error, FileNotFoundError):
        return ToolError(f"git cannot be run: {error.strerror}")
    if not cwd.is_dir():
        return ToolError(f"git {args[0]}: no folder {cwd}")
    return ToolError("git is not installed or not on PATH", hint="install Git: https://git-scm.com")
