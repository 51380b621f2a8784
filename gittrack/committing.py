"""`gittrack commit`: exactly the runs that were named, whatever else is going on in the clone."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gittrack import files, paths, search, secrets
from gittrack.errors import RunStateError, SecretFoundError, StoreError, ToolError
from gittrack.git import committing, objects, pushing
from gittrack.git.command import run_git, run_git_bytes
from gittrack.git.state import ignoring_rule
from gittrack.runs.reading import StoredRun, read_run
from gittrack.runs.values import param_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gittrack.files import Problem
    from gittrack.git.pushing import Pushed
    from gittrack.runs.store import Store

LARGE = 100 * 1024 * 1024  # what GitHub refuses, and GitLab.com and Bitbucket as well
MAINTAINED_EVERY = 50

_SCANNED = 8 * 1024 * 1024
_TEXT_CHECK = 8000
_LIVE = ("running", "silent")
_NEVER = re.compile(r"\.git|\.nfs.*|__pycache__|\.DS_Store", re.IGNORECASE)
_SUBJECT = 72
_SHOWN = 8
_LONGEST = 60
_FEW = 200


@dataclass(frozen=True)
class Committed:
    """What came of a commit.

    Attributes:
        commit: its name; None where the branch held everything already.
        files: how many it added or changed.
        runs: those that it holds something of.
        live: the runs that were left out since they are running.
        large: files that hosts refuse, and their sizes in bytes.
        outer: the work tree whose submodule this is, or "".
    """

    commit: str | None
    branch: str
    files: int = 0
    runs: tuple[StoredRun, ...] = ()
    live: tuple[StoredRun, ...] = ()
    large: tuple[tuple[str, int], ...] = ()
    outer: str = ""
    pushed: Pushed | None = None

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        pushed = self.pushed._asdict() if self.pushed else None
        return {
            "commit": self.commit,
            "branch": self.branch,
            "files": self.files,
            "runs": [run.run_id for run in self.runs],
            "running": [run.run_id for run in self.live],
            "large": [{"path": path, "size": size} for path, size in self.large],
            "pushed": pushed,
        }


@dataclass(frozen=True)
class _Chosen:
    """What is to be committed: paths seen from the top, and the runs they belong to."""

    paths: tuple[str, ...]
    runs: tuple[StoredRun, ...]
    live: tuple[StoredRun, ...] = ()


def commit(
    store: Store,
    references: Sequence[str] = (),
    *,
    everything: bool = False,
    running: bool = False,
    message: str = "",
    allow_secrets: bool = False,
    push: bool = False,
) -> Committed:
    """Commit some runs, or with `everything` all that is new or changed in the store.

    Args:
        references: the runs; the latest where none are given.
        running: also those that are running.
        message: in the place of the one that tells params and metrics.
        push: push the branch as well, together with what others pushed meanwhile.

    Raises:
        RunStateError: a run is still running.
        SecretFoundError: a file holds what looks like a secret.
        ToolError: Git cannot commit or push here now.
    """
    top = _top_of(store)
    chosen = (
        _everything(store, top, running=running)
        if everything
        else _named(store, references or ("@",), top, running=running)
    )
    if not allow_secrets:
        _check_secrets(chosen.paths, top)
    text = _message(chosen.runs, message, store)
    made = committing.commit_files(chosen.paths, text, top=top) if chosen.paths else None
    branch = made.head.branch if made else committing.head(top).branch
    result = Committed(None, branch, runs=chosen.runs, live=chosen.live)
    if made is not None:
        _check_whole(made.commit, chosen.paths, top)
        if int(made.commit[:8], 16) % MAINTAINED_EVERY == 0:
            run_git(["maintenance", "run", "--auto", "--quiet"], cwd=top, check=False)
        result = replace(
            result,
            commit=made.commit,
            files=len(made.entries),
            large=_large((entry.path for entry in made.entries), top),
            outer=_outer(top),
        )
    return replace(result, pushed=pushing.push(top=top)) if push else result


def _top_of(store: Store) -> Path:
    top = objects.repository(store.root).top
    if top is None:
        raise ToolError(
            f"{store.root} is in a bare repository, which has no files to commit",
            hint="commit in a clone of it",
        )
    if not store.root.is_dir():
        raise StoreError(f"there is no folder {store.root}", hint="gittrack run makes a first run")
    if (rule := ignoring_rule(store.root)) is not None:
        raise ToolError(
            f"Git ignores {store.root} by {rule}",
            hint="remove that line to commit runs; gittrack init shows it",
        )
    return top


def _named(store: Store, references: Sequence[str], top: Path, *, running: bool) -> _Chosen:
    named = [search.find_deleted(store, reference) for reference in references]
    runs = {run.folder: run for run in named}
    if not running and (live := [run for run in runs.values() if run.state() in _LIVE]):
        raise RunStateError(
            f"run {live[0].run_id} ({live[0].record.name}) is {live[0].state()}",
            hint="wait for its end, or commit what there is with --running",
        )
    root = store.root.resolve()
    found = [root / name for name in (".gitattributes", ".gitignore")]
    problems: list[Problem] = []
    for folder in runs:
        experiment = folder.resolve().parent
        about = [path for path in experiment.iterdir() if paths.is_edit(path.name)]
        found += [experiment / paths.EXPERIMENT_JSON, *sorted(about)]
        found += files.walk(folder.resolve(), problems)
    if problems:
        raise StoreError(
            f"cannot commit what cannot be read: {problems[0]}", hint="check its rights"
        )
    return _Chosen(_committable(found, root, top), tuple(runs.values()))


def _everything(store: Store, top: Path, *, running: bool) -> _Chosen:
    root = store.root.resolve()
    prefix = root.relative_to(top).as_posix()
    scope = ["--", f":(top,literal){prefix}"]
    listed = run_git_bytes(
        ["ls-files", "-z", "--modified", "--others", "--exclude-standard", "--full-name", *scope],
        cwd=top,
    )
    if committing.head(top).commit:
        # What is staged is not modified, but may be in no commit.
        listed += run_git_bytes(
            ["diff-index", "--cached", "-r", "-z", "--name-only", "HEAD", *scope], cwd=top
        )
    else:
        listed += run_git_bytes(["ls-files", "-z", "--cached", "--full-name", *scope], cwd=top)
    names = dict.fromkeys(listed.decode(errors="surrogateescape").split("\0")[:-1])
    runs: dict[Path, StoredRun] = {}
    for name in names:
        parts = (top / name).relative_to(root).parts
        in_run = len(parts) > 2 and paths.parse_run_folder(parts[1])  # noqa: PLR2004 - experiment, run, file
        if in_run and os.path.lexists(top / name):
            folder = store.root / parts[0] / parts[1]
            runs[folder] = runs.get(folder) or read_run(folder)
    live = [] if running else [run for run in runs.values() if run.state() in _LIVE]
    left_out = tuple(f"{run.folder.resolve()}/" for run in live)
    kept = [top / name for name in names if not str(top / name).startswith(left_out or "\0")]
    chosen = tuple(run for run in runs.values() if run not in live)
    return _Chosen(_committable(kept, root, top), chosen, tuple(live))


def _committable(found: Iterable[Path], root: Path, top: Path) -> tuple[str, ...]:
    """Return the files and links that may be committed, seen from the top."""
    kept: dict[str, None] = {}
    for path in found:
        inside = path.relative_to(root).parts
        if inside[0] == paths.CACHE or inside[-1].endswith(paths.TEMPORARY):
            continue
        if any(_NEVER.fullmatch(part) for part in inside):
            continue
        with suppress(FileNotFoundError):
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                kept[path.relative_to(top).as_posix()] = None
    return tuple(kept)


def _check_secrets(names: Iterable[str], top: Path) -> None:
    for name in names:
        base = PurePosixPath(name).name
        # Private keys such as id_rsa have no suffix; id_map.json is some mapping.
        is_key = secrets.is_secret_file(base) and not (base.startswith("id_") and "." in base)
        found = "its name" if is_key else ""
        if not found and not (top / name).is_symlink():
            with suppress(FileNotFoundError), files.open_plain(top / name) as file:
                data = file.read(_SCANNED)
                if b"\0" not in data[:_TEXT_CHECK]:
                    found = secrets.find(data.decode(errors="replace")) or ""
        if found:
            raise SecretFoundError(
                f"{name} looks like it holds a secret ({found}); nothing was committed",
                hint="remove it from there, or commit it with --allow-secrets if it is none",
            )


def _check_whole(made: str, names: Sequence[str], top: Path) -> None:
    """Compare a commit with the folders: what was to be committed has to be in it."""
    folders = sorted({str(PurePosixPath(name).parent) for name in names})
    scope = folders if len(folders) <= _FEW else []
    listed = run_git_bytes(
        ["ls-tree", "-r", "-z", "--name-only", "--full-tree", made, "--", *scope], cwd=top
    )
    held = set(listed.decode(errors="surrogateescape").split("\0"))
    if lacking := [name for name in names if name not in held]:
        raise ToolError(
            f"commit {made[:10]} lacks {len(lacking)} files, such as {lacking[0]}",
            hint=f"git add -f {lacking[0]} && git commit",
        )


def _large(names: Iterable[str], top: Path) -> tuple[tuple[str, int], ...]:
    return tuple(
        (name, size)
        for name in names
        if (size := _size(top / name)) > LARGE
        and not run_git(["check-attr", "-z", "filter", "--", name], cwd=top).endswith("\0lfs\0")
    )


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # what took its place was committed
        return 0


def _outer(top: Path) -> str:
    if not (top / ".git").is_file():
        return ""
    return run_git(["rev-parse", "--show-superproject-working-tree"], cwd=top, check=False).strip()


def _message(runs: Sequence[StoredRun], given: str, store: Store) -> str:
    parts = [given.strip()] if given.strip() else _words(runs)
    trailers = [f"Gittrack-Run: {run.run_id}" for run in runs]
    return (
        "\n\n".join([*parts, "\n".join(trailers or [f"Gittrack-Store: {store.root.name}"])]) + "\n"
    )


def _words(runs: Sequence[StoredRun]) -> list[str]:
    if not runs:
        return ["Changes of runs, experiments and models"]
    if len(runs) == 1:
        (run,) = runs
        about = {
            "experiment": run.record.experiment,
            "params": _pairs(
                {name: param_text(value) for name, value in run.record.params.items()}
            ),
            "metrics": _metrics(run),
        }
        body = [f"{name}: {_line(value)}" for name, value in about.items() if value]
        return [
            _cut(f"Run {_line(run.record.name)}: {_metrics(run)}".rstrip(": ")),
            "\n".join(body),
        ]
    experiments = sorted({run.record.experiment for run in runs})
    subject = f"{len(runs)} runs of {', '.join(map(_line, experiments))}"
    body = [f"{_line(run.record.name)} ({run.run_id}): {_metrics(run)}" for run in runs]
    return [_cut(subject), "\n".join(body)]


def _metrics(run: StoredRun) -> str:
    return _pairs({name: f"{value.last:.5g}" for name, value in run.record.metrics.items()})


def _pairs(entries: dict[str, str]) -> str:
    shown = [f"{_line(name)}={_line(entries[name])}" for name in sorted(entries)[:_SHOWN]]
    more = [f"{len(entries) - _SHOWN} more"] if len(entries) > _SHOWN else []
    return ", ".join([*shown, *more])


def _line(text: str) -> str:
    """Return a text on one line, so that nothing in it can pass for a trailer."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"


def _cut(subject: str) -> str:
    return subject if len(subject) <= _SUBJECT else f"{subject[: _SUBJECT - 1].rstrip(', ')}…"
