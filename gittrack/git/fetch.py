"""Fetching a project: from a Git URI, at any version, into a folder of its own.

https://example.org/wine.git          the default branch
git@example.org:team/wine.git#train   the folder `train` of it
ssh://…  file:///srv/wine.git  /srv/wine.git
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from gittrack import settings
from gittrack.errors import NotFoundError, ProjectError, ToolError
from gittrack.git.command import run_git
from gittrack.git.objects import is_pointer
from gittrack.git.state import without_credentials

# What a URL may make Git do. Never `ext` and its like, which run commands; a repository that is
# not on this machine may not take its submodules from this machine either.
_REMOTE = "git:http:https:ssh"
_LOCAL = f"file:{_REMOTE}"
_SCHEMES = ("https", "http", "ssh", "git", "file")

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://[^-].*", re.DOTALL)
_SCP_LIKE = re.compile(r"[A-Za-z0-9_][\w.-]*@[A-Za-z0-9\[][\w.:\]-]*:[^-:].*", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_VERSION = re.compile(r"(?!.*(\.\.|@\{|//))[\w.+=@#%][\w./+=@#%-]*")
_SHORT_COMMIT = re.compile(r"[0-9a-fA-F]{4,64}")


class GitUri(NamedTuple):
    """A repository, and the folder in it that is meant ("" for all of it)."""

    url: str
    subdirectory: str = ""


def parse(uri: str) -> GitUri | None:
    """Read a project's URI; None where it names a plain folder rather than a repository to clone.

    Raises:
        ProjectError: Git would take it for something else than a repository's place.
    """
    if is_folder(uri):
        return GitUri(str(Path(uri).absolute())) if is_bare(Path(uri)) else None
    url, _, subdirectory = uri.partition("#")
    scheme = _scheme(url)
    url = scheme + url[len(scheme) :]  # Git takes none in capitals
    if scheme == "file":
        return GitUri(url, subdirectory) if is_repository(local_folder(url)) else None
    if not scheme and not _SCP_LIKE.fullmatch(url):
        return GitUri(str(Path(url).absolute()), subdirectory) if is_bare(Path(url)) else None
    return GitUri(url, subdirectory)


def _scheme(url: str) -> str:
    if url.startswith("-") or _HELPER.match(url) or "\0" in url:
        raise ProjectError(
            f"{url!r} is neither a folder nor a Git URL",
            hint="use a folder, or https://, ssh://, git@HOST:PATH or file:// of a Git repository",
        )
    found = _URL.fullmatch(url)
    scheme = found[1].lower() if found else ""
    if scheme and scheme not in _SCHEMES:
        raise ProjectError(
            f"projects cannot be fetched by {scheme}:// as in {without_credentials(url)!r}",
            hint=f"use one of {', '.join(f'{name}://' for name in _SCHEMES)}, or git@HOST:PATH",
        )
    return scheme


def local_folder(uri: str) -> Path:
    """Return the folder that a path or `file:` URI names, without its `#subdirectory`."""
    if is_folder(uri):
        return Path(uri)
    place = uri.partition("#")[0]
    return Path(unquote(urlsplit(place).path)) if place[:5].lower() == "file:" else Path(place)


def is_folder(text: str) -> bool:
    """Tell whether a text is the path of a folder, also where it could not be a path at all."""
    try:
        return Path(text).is_dir()
    except (OSError, ValueError):
        return False


def is_bare(folder: Path) -> bool:
    """Tell whether a folder is a bare repository."""
    return (
        all(is_folder(str(folder / name)) for name in ("objects", "refs"))
        and (folder / "HEAD").exists()
    )


def is_repository(folder: Path) -> bool:
    """Tell whether a folder is a bare repository or the top of a work tree."""
    return (folder / ".git").exists() or is_bare(folder)


def clone(uri: GitUri, into: Path, *, version: str | None = None) -> Path:
    """Clone a repository with its submodules into an empty folder; return the project's folder.

    Args:
        version: branch, tag or commit, also a short one; default: the remote's default branch.

    Raises:
        NotFoundError: the repository has no such version or folder.
        ProjectError: version or folder is none that could be.
        ToolError: Git failed.
    """
    check_version(version)
    url = Path(uri.url).as_uri() if uri.url.startswith("/") else uri.url
    allowed = {"GIT_ALLOW_PROTOCOL": _LOCAL if url.startswith("file:") else _REMOTE}
    try:
        if version is None:
            run_git(["clone", "--quiet", "--depth=1", "--", url, str(into)], cwd=into, env=allowed)
        else:
            _clone_version(url, into, version, allowed)
        if (into / ".gitmodules").is_file():
            run_git(
                ["submodule", "--quiet", "update", "--init", "--recursive"], cwd=into, env=allowed
            )
        _get_large_files(into)
    except ToolError as error:
        words = error.message.replace(url, without_credentials(url)).replace(str(into), "the clone")
        raise ToolError(
            f"cannot fetch {without_credentials(url)}: {' '.join(words.split())}",
            hint="install git-lfs: its large files are kept with it"
            if "git-lfs" in words
            else "check the URL and your rights: git ls-remote " + without_credentials(url),
        ) from None
    return subfolder(into, uri.subdirectory, of=_described(url, version))


def _get_large_files(into: Path) -> None:
    # Where the user has not set Git LFS up, a clone has small texts in the place of large files.
    if pointers(into) and settings.find_program("git-lfs"):
        run_git(["lfs", "install", "--local"], cwd=into)
        run_git(["lfs", "pull"], cwd=into)


def pointers(top: Path) -> list[str]:
    """Return the files of a checkout that are but pointers to what Git LFS has not fetched."""
    listed = run_git(["ls-files", "-z", ":(attr:filter=lfs)"], cwd=top, check=False)
    return [name for name in listed.split("\0") if name and is_pointer(top / name)]


def short_commit(folder: Path) -> str:
    """Return the commit that a clone stands at, shortened; "" where it has none."""
    return run_git(["rev-parse", "--short", "HEAD"], cwd=folder, check=False).strip()


def _described(url: str, version: str | None) -> str:
    return without_credentials(url) + (f" at {version}" if version else "")


def check_version(version: str | None) -> None:
    """Refuse what cannot be a branch, a tag or a commit.

    Raises:
        ProjectError: it cannot.
    """
    if version is not None and not _VERSION.fullmatch(version):
        raise ProjectError(
            f"{version!r} is not a version of a Git repository",
            hint="give a branch, a tag or a commit",
        )


def subfolder(root: Path, subdirectory: str, *, of: str = "the project") -> Path:
    """Return a folder below `root`, reached without leaving it and without links.

    Args:
        of: what `root` is in messages.

    Raises:
        ProjectError: it leads elsewhere.
        NotFoundError: it is not there.
    """
    parts = PurePosixPath(subdirectory).parts
    if (
        subdirectory.startswith(("/", "\\"))
        or ".." in parts
        or "\\" in subdirectory
        or "\0" in subdirectory
    ):
        raise ProjectError(
            f"{subdirectory!r} is not a folder inside {of}", hint="write it as #FOLDER/FOLDER"
        )
    folder = root
    for part in parts:
        folder = folder / part
        if part == ".git" or folder.is_symlink():
            raise ProjectError(
                f"{subdirectory!r} leads out of {of}, by {part!r}",
                hint="name a folder that is no link",
            )
    if not folder.is_dir():
        raise NotFoundError(
            f"{of} has no folder {subdirectory!r}", hint="check what stands after the #"
        )
    return folder


def work_tree(folder: Path) -> Path | None:
    """Return the top of the work tree that holds a folder; None outside of one."""
    with suppress(ToolError):
        return Path(run_git(["rev-parse", "--show-toplevel"], cwd=folder).rstrip("\n"))
    return None


def _clone_version(url: str, into: Path, version: str, env: dict[str, str]) -> None:
    names = [f"refs/heads/{version}", f"refs/tags/{version}"]
    listed = run_git(["ls-remote", "--", url, *names], cwd=into, env=env)
    if any(line.rpartition("\t")[2] in names for line in listed.splitlines()):
        run_git(
            ["clone", "--quiet", "--depth=1", f"--branch={version}", "--", url, str(into)],
            cwd=into,
            env=env,
        )
        return
    missing = NotFoundError(
        f"{without_credentials(url)} has no branch, tag or commit {version!r}",
        hint=f"git ls-remote {without_credentials(url)} lists its branches and tags",
    )
    if not _SHORT_COMMIT.fullmatch(version):
        raise missing
    # Servers give short commits away to nobody, so the history must come whole to find one.
    run_git(["clone", "--quiet", "--no-checkout", "--", url, str(into)], cwd=into, env=env)
    asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{version}^{{commit}}"]
    commit = run_git(asked, cwd=into, check=False).strip()
    if not commit:
        raise missing
    run_git(["checkout", "--quiet", "--detach", commit], cwd=into, env=env)
