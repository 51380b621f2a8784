"""`gittrack commit`: exactly the runs that were named, whatever else is going on in the clone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gittrack import files, picking, secrets
from gittrack.errors import SecretFoundError, StoreError, ToolError
from gittrack.git import committing, objects, pushing
from gittrack.git.command import run_git, run_git_bytes
from gittrack.git.state import ignoring_rule
from gittrack.runs.values import param_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gittrack.git.pushing import Pushed
    from gittrack.picking import Chosen
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store

LARGE = 100 * 1024 * 1024  # what GitHub refuses, and GitLab.com and Bitbucket as well
MAINTAINED_EVERY = 50

_SCANNED = 8 * 1024 * 1024
_TEXT_CHECK = 8000
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
        gone: how many files it removed.
        removed: the runs that it removed, as the branch held them.
        live: the runs that were left out since they are running.
        large: files that hosts refuse, and their sizes in bytes.
        outer: the work tree whose submodule this is, or "".
    """

    commit: str | None
    branch: str
    files: int = 0
    runs: tuple[StoredRun, ...] = ()
    gone: int = 0
    removed: tuple[StoredRun, ...] = ()
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
            "gone": self.gone,
            "removed": [run.run_id for run in self.removed],
            "running": [run.run_id for run in self.live],
            "large": [{"path": path, "size": size} for path, size in self.large],
            "pushed": pushed,
        }


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
    """Commit some runs, or with `everything` all that is new, changed or gone in the store.

    Args:
        references: the runs, also such as the branch holds and the store no longer does; the
            latest where none are given.
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
        picking.everything(store, top, running=running)
        if everything
        else picking.named(store, references or ("@",), top, running=running)
    )
    if not allow_secrets:
        _check_secrets(chosen.paths, top)
    made = None
    if chosen.paths or chosen.gone:
        text = _message(chosen, message, store)
        made = committing.commit_files(chosen.paths, text, top=top, gone=chosen.gone)
    branch = made.head.branch if made else committing.head(top).branch
    result = Committed(None, branch, runs=chosen.runs, live=chosen.live)
    if made is not None:
        _check_whole(made.commit, chosen, top)
        if int(made.commit[:8], 16) % MAINTAINED_EVERY == 0:
            run_git(["maintenance", "run", "--auto", "--quiet"], cwd=top, check=False)
        result = replace(
            result,
            commit=made.commit,
            files=sum(not entry.gone for entry in made.entries),
            gone=sum(entry.gone for entry in made.entries),
            removed=chosen.removed,
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


def _check_whole(made: str, chosen: Chosen, top: Path) -> None:
    """Compare a commit with the folders: what was to be committed has to be in it."""
    names = chosen.paths
    folders = sorted({str(PurePosixPath(name).parent) for name in (*names, *chosen.gone)})
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
    if kept := held.intersection(chosen.gone):
        raise ToolError(
            f"commit {made[:10]} still has {min(kept)}", hint=f"git rm {min(kept)} && git commit"
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


def _message(chosen: Chosen, given: str, store: Store) -> str:
    parts = [given.strip()] if given.strip() else _words(chosen)
    trailers = [f"Gittrack-Run: {run.run_id}" for run in chosen.runs]
    trailers += [f"Gittrack-Removed: {run.run_id}" for run in chosen.removed]
    return (
        "\n\n".join([*parts, "\n".join(trailers or [f"Gittrack-Store: {store.root.name}"])]) + "\n"
    )


def _words(chosen: Chosen) -> list[str]:
    runs, removed = chosen.runs, chosen.removed
    if len(runs) == 1:
        (run,) = runs
        about = {
            "experiment": run.record.experiment,
            "params": _pairs(
                {name: param_text(value) for name, value in run.record.params.items()}
            ),
            "metrics": _metrics(run),
        }
        subject = f"Run {_line(run.record.name)}: {_metrics(run)}".rstrip(": ")
        body = [f"{name}: {_line(value)}" for name, value in about.items() if value]
    else:
        subject = f"{len(runs)} runs of {_experiments(runs)}"
        body = [f"{_line(run.record.name)} ({run.run_id}): {_metrics(run)}" for run in runs]
    if not runs:
        count = f"{len(removed)} run{'s' * (len(removed) > 1)}"
        subject = "Changes of runs, experiments and models"
        if removed:
            subject = f"Remove {count} of {_experiments(removed)}"
    body += [f"removed: {_line(run.record.name)} ({run.run_id})" for run in removed]
    return [_cut(subject), *filter(None, ["\n".join(body)])]


def _experiments(runs: Iterable[StoredRun]) -> str:
    return ", ".join(map(_line, sorted({run.record.experiment for run in runs})))


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
