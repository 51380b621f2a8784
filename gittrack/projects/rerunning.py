"""A run brought back from its record: the same code, environment, command and params, once more."""

from __future__ import annotations

import hashlib
import shlex
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gittrack import files, paths, secrets, settings
from gittrack.errors import NotComparableError, NotFoundError
from gittrack.git import fetch, worktree
from gittrack.projects.locating import Located, lacking
from gittrack.projects.order import Order
from gittrack.projects.place import Place
from gittrack.tracking.datasets import file_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store

RERUN_TAG = "gittrack.rerun_of"

_CONSTRAINED = ("virtualenv", "conda")


@dataclass(frozen=True)
class Recorded:
    """What a run's record says of how it was run.

    Attributes:
        root: the top of the repository that its code is in; None where it has to be fetched, the
            empty path where there is none.
        folder: where it ran, relative to `root`.
        outside: its input files that are in no commit.
        problems: what cannot be brought back.
        notes: what of its work tree was not kept, and may not have mattered.
    """

    run: StoredRun
    project: Mapping[str, Any]
    commit: str
    root: Path | None
    folder: str
    patch: bytes = b""
    outside: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read(run: StoredRun, store: Store) -> Recorded:
    """Return what a run's record says, and what of it cannot be brought back any more."""
    source = run.record.source
    project, git = source.get("project") or {}, source.get("git") or {}
    commit = str(git.get("commit") or "")
    base = (settings.git_root(store.root) or store.root.parent).resolve()
    root, folder = _place(str(project.get("uri") or "."), base)
    problems = _missing_code(commit, root, str(project.get("uri") or base))
    loose = _loose(run, commit, root)
    patch, words = _patch(run, git, all_kept=bool(loose))
    outside, changed = _inputs(run, base, commit)
    problems += words + changed
    command = str(source.get("command") or "...")
    if not _is_project(run) and (command.endswith("...") or secrets.was_redacted(command)):
        problems.append("its command is not recorded in full")
    needed, notes = tuple(outside + loose), _words(loose, root)
    return Recorded(run, project, commit, root, folder, patch, needed, tuple(problems), notes)


def _is_project(run: StoredRun) -> bool:
    source = run.record.source
    return bool(source.get("project")) and source.get("type") == "PROJECT"


def _unknown(recorded: Recorded, parameters: Mapping[str, object]) -> list[str]:
    """Return what of the command was a secret, and is not given anew."""
    given = _given(recorded, parameters) if _is_project(recorded.run) else {}
    options = {f"--docker-args {key}": text for key, text in _docker_args(recorded).items()}
    return [
        f"the value of {name} is not recorded: it was a secret"
        for name, value in {**{f"-P {key}": text for key, text in given.items()}, **options}.items()
        if isinstance(value, str) and secrets.was_redacted(value)
    ]


def _given(recorded: Recorded, parameters: Mapping[str, object]) -> dict[str, object]:
    params = recorded.run.record.params
    names = recorded.project.get("parameters", params)
    return {**{name: params[name] for name in names if name in params}, **parameters}


def _docker_args(recorded: Recorded) -> Mapping[str, Any]:
    found = recorded.project.get("docker_args")
    return found if isinstance(found, dict) else {}


def _place(uri: str, base: Path) -> tuple[Path | None, str]:
    """Return the top of the repository that a recorded URI lies in, if it is here, and where."""
    if fetch.parse(str(base / uri) if fetch.is_folder(str(base / uri)) else uri) is not None:
        return None, ""
    here = (base / uri).resolve()
    root = settings.git_root(here)
    if root is None or not (here.is_relative_to(base) or Path(uri).is_absolute()):
        return Path(), ""
    return root, here.relative_to(root).as_posix()


def _missing_code(commit: str, root: Path | None, where: str) -> list[str]:
    if not commit:
        return ["no commit is recorded: its code was in no Git repository"]
    if root is not None and (root == Path() or not worktree.holds(commit, cwd=root)):
        return [f"its commit {commit[:10]} is not in the repository of {where}"]
    return []


@contextmanager
def ordered(
    recorded: Recorded, parameters: Mapping[str, object], *, force: bool = False
) -> Iterator[Order]:
    """Give the order that runs a recorded run again, its code checked out for the block.

    Args:
        parameters: values in the place of the recorded ones.
        force: leave out what cannot be brought back.

    Raises:
        NotComparableError: it cannot be brought back, and `force` is false.
        ToolError: it cannot be checked out.
    """
    problems = [*recorded.problems, *_unknown(recorded, parameters)]
    if problems and not force:
        raise NotComparableError(
            f"run {recorded.run.run_id} cannot be brought back: {'; '.join(problems)}",
            hint="--force runs what there is",
        )
    common = _common(recorded)
    if recorded.root is None:
        uri = str(recorded.project.get("uri") or ".")
        version = recorded.commit or None
        yield _order(recorded, parameters, {**common, "uri": uri, "version": version})
        return
    if recorded.root == Path() or not worktree.holds(recorded.commit, cwd=recorded.root):
        yield _order(recorded, parameters, {**common, "uri": str(recorded.root / recorded.folder)})
        return
    with worktree.checked_out(recorded.commit, recorded.patch, repository=recorded.root) as top:
        _link(recorded.outside, recorded.root, top)
        folder = fetch.subfolder(top, recorded.folder if recorded.folder != "." else "")
        if not recorded.project:
            folder = _folder_of_script(top, _command(recorded))
        uri = str(recorded.project.get("uri") or ".")
        place = Place(recorded.folder, recorded.root.name, recorded.commit[:10])
        located = Located(folder, uri, place, lacking(top))
        callers = (top, recorded.root, Path.cwd())
        yield _order(recorded, parameters, {**common, "located": located, "callers": callers})


def _common(recorded: Recorded) -> dict[str, Any]:
    """Return what of the order stands in the record, wherever its code is."""
    project = recorded.project
    return {
        "experiment_name": recorded.run.record.experiment,
        "tags": {RERUN_TAG: recorded.run.run_id},
        "env_manager": project.get("environment"),
        "constraints": _constraints(recorded),
        "scrape": project.get("scrape") is True,
        "artifacts": tuple(map(str, project.get("artifacts") or ())),
        "docker_args": _docker_args(recorded),
        "build_image": project.get("build_image") is True,
        "as_mlflow": project.get("as_mlflow"),
    }


def _order(recorded: Recorded, parameters: Mapping[str, object], given: dict[str, Any]) -> Order:
    if _is_project(recorded.run):
        return Order(
            entry_point=str(recorded.project["entry_point"]),
            parameters=_given(recorded, parameters),
            **given,
        )
    return Order(command=overridden(_command(recorded), parameters), **given)


def overridden(command: Sequence[str], parameters: Mapping[str, object]) -> tuple[str, ...]:
    """Return a command with other values for its long options; those it has not are added."""
    found = list(command)
    for name, value in parameters.items():
        option = f"--{name}"
        for index, argument in enumerate(found):
            if argument == option and index + 1 < len(found):
                found[index + 1] = str(value)
                break
            if argument.startswith(f"{option}="):
                found[index] = f"{option}={value}"
                break
        else:
            found += [option, str(value)]
    return tuple(found)


def _command(recorded: Recorded) -> list[str]:
    try:
        return shlex.split(str(recorded.run.record.source.get("command") or ""))
    except ValueError:
        raise NotComparableError(
            f"the command of run {recorded.run.run_id} is not recorded in full",
            hint="gittrack show prints what is",
        ) from None


def _folder_of_script(top: Path, command: Sequence[str]) -> Path:
    """Return the folder from which a recorded command finds its script: nobody wrote it down."""
    scripts = [part for part in command[1:] if part.endswith((".py", ".sh")) and part[0] != "-"]
    if not scripts or (top / scripts[0]).is_file():
        return top
    found = [path for path in top.rglob(Path(scripts[0]).name) if path.match(scripts[0])]
    if len(found) != 1:
        raise NotFoundError(
            f"{scripts[0]!r} of the recorded command is {len(found)} times in the commit",
            hint="start it by gittrack run -- COMMAND, which keeps the folder",
        )
    return found[0].parents[len(Path(scripts[0]).parts) - 1]


def _left_out(run: StoredRun) -> list[str]:
    begin = f"{paths.SOURCE_PATCH}: "
    return [text[len(begin) :] for text in run.record.left_out if text.startswith(begin)]


def _loose(run: StoredRun, commit: str, root: Path | None) -> list[str]:
    """Return the files that the patch lacks where all of them were in no commit.

    Such as data and models that lie about, which the code may not have read at all; a change that
    is missing in a file of the commit is another code.
    """
    names = _left_out(run)
    if not root or root == Path() or not worktree.holds(commit, cwd=root):
        return []
    return [] if any(worktree.has(commit, name, cwd=root) for name in names) else names


def _words(loose: Sequence[str], root: Path | None) -> tuple[str, ...]:
    ends = {True: ": what it is now is used", False: ", and is gone"}
    return tuple(
        f"{name} was in no commit{ends[root is not None and (root / name).exists()]}"
        for name in loose
    )


def _patch(run: StoredRun, git: Mapping[str, Any], *, all_kept: bool) -> tuple[bytes, list[str]]:
    if git.get("patch_truncated") and not all_kept:
        names = ", ".join(_left_out(run)) or "they were too large"
        return b"", [f"its uncommitted changes are not kept in full ({names})"]
    wanted = git.get("patch_sha256")
    if not wanted:
        return b"", []
    try:
        data = files.read_bytes(run.local / paths.SOURCE_PATCH)
    except OSError as error:
        return b"", [f"{paths.SOURCE_PATCH} cannot be read: {error.strerror}"]
    if hashlib.sha256(data).hexdigest() != wanted:
        return b"", [f"{paths.SOURCE_PATCH} is not what was recorded: its digest differs"]
    return data, []


def _inputs(run: StoredRun, base: Path, commit: str) -> tuple[list[str], list[str]]:
    """Return the input files that are in no commit, and what is wrong with them now."""
    outside, problems = [], []
    for entry in run.record.inputs:
        digest = str(entry.get("source_digest") or entry["digest"])
        source = str(entry.get("source") or "")
        if not digest.startswith("sha256:") or entry.get("source_type", "local") != "local":
            continue
        if not Path(source).is_absolute() and worktree.has_file(commit, source, cwd=base):
            continue
        try:
            if file_digest(base / source) != digest:
                problems.append(f"the input {entry['name']} has another digest now ({source})")
            elif not Path(source).is_absolute():
                outside.append(source)
        except OSError:
            problems.append(f"the input {entry['name']} is not at {source or 'any place'}")
    return outside, problems


def _link(sources: Sequence[str], base: Path, top: Path) -> None:
    """Let the command find input files that are in no commit where they were."""
    for source in sources:
        target = fetch.subfolder(base, str(Path(source).parent)) / Path(source).name
        if not target.exists():
            continue
        (top / source).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            (top / source).symlink_to(target)


def _constraints(recorded: Recorded) -> Path | None:
    listed = recorded.run.folder / paths.REQUIREMENTS
    is_kept = recorded.project.get("environment") in _CONSTRAINED and listed.is_file()
    return listed if is_kept else None
