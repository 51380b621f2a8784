"""What `gittrack doctor` looks at: the machine, the store and how the two get on."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NamedTuple

from gittrack import paths, search, settings
from gittrack.compare.directions import configured
from gittrack.errors import GittrackError, StoreError, ToolError
from gittrack.git.command import run_git
from gittrack.git.state import ignoring_rule
from gittrack.registry import Registry
from gittrack.runs.record import RUNNING
from gittrack.search import index
from gittrack.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gittrack.runs.store import Store

State = Literal["good", "note", "bad"]

_NAMED = 3
_LITTLE_SPACE = 1_000_000_000
_SKEW_SECONDS = 2.0
# Libraries that some calls need, and what for.
_OPTIONAL = {
    "pandas": "search_runs gives no DataFrame",
    "matplotlib": "gittrack plot -o writes no PNG or SVG",
    "psutil": "system metrics are not recorded",
}


class Check(NamedTuple):
    """What was looked at, how it is, and what mends it."""

    name: str
    state: State
    found: str
    hint: str = ""


def checks(store: Store) -> Iterator[Check]:
    """Yield what is well and what is not; writes nothing but a probe in the store's own cache."""
    looks: tuple[Callable[[Store], Iterator[Check]], ...] = (
        _machine,
        _git,
        _configuration,
        _place,
        _dot_files,
        _runs,
        _models,
        _clock,
        _index,
        _libraries,
    )
    for look in looks:
        try:
            yield from look(store)
        except GittrackError as error:
            yield Check(look.__name__.strip("_"), "bad", error.message, error.hint)
        except OSError as error:
            what = f"cannot read {error.filename}: {error.strerror}"
            yield Check(look.__name__.strip("_"), "bad", what, "check its rights")


def _machine(_: Store) -> Iterator[Check]:
    python = f"Python {platform.python_version()} on {platform.system()}"
    yield Check("gittrack", "good", f"{VERSION}, {python}")


def _git(store: Store) -> Iterator[Check]:
    here = next(path for path in (store.root, *store.root.parents) if path.is_dir())
    try:
        version = run_git(["--version"], cwd=here).strip().removeprefix("git version ")
    except ToolError as error:
        yield Check("git", "bad", error.message, "install Git: runs record the commit they ran at")
        return
    yield Check("git", "good", version)
    for key in ("user.name", "user.email"):
        if not run_git(["config", key], cwd=here, check=False):
            yield Check(
                "git", "note", f"{key} is not set", f'git config --global {key} "..." to commit'
            )


def _configuration(store: Store) -> Iterator[Check]:
    configured(store.root)
    settings.table("check", store.root)
    yield from ()


def _place(store: Store) -> Iterator[Check]:
    if store.root.is_file():
        raise StoreError(f"{store.root} is a file", hint=f"mv {store.root} elsewhere")
    if not store.root.is_dir():
        yield Check("store", "note", f"{store.root} is not there yet", "the first run makes it")
        return
    if not os.access(store.root, os.W_OK | os.X_OK):
        raise StoreError(f"{store.root} cannot be written", hint="check its rights")
    yield Check("store", "good", str(store.root))
    if (rule := ignoring_rule(store.root)) is not None:
        file, line, *_ = [*rule.split(":"), ""]
        yield Check(
            "store",
            "bad",
            f"Git ignores it by {rule}",
            f"take line {line} out of {file}, or no run is ever committed",
        )
    free = shutil.disk_usage(store.root).free
    if free < _LITTLE_SPACE:
        yield Check("store", "note", f"{free // 1_000_000} MB are left on its disk", "gittrack gc")


def _dot_files(store: Store) -> Iterator[Check]:
    for name, data in (
        (".gitignore", paths.GITIGNORE_BYTES),
        (".gitattributes", paths.GITATTRIBUTES_BYTES),
    ):
        path = store.root / name
        with suppress(OSError):
            if path.read_bytes() != data:
                yield Check(
                    "store",
                    "bad",
                    f"{path} was changed, and some files of runs may not be committed",
                    f"rm {path}: the next run makes it again",
                )


def _runs(store: Store) -> Iterator[Check]:
    every = [item.experiment_id for item in store.experiments(deleted=True)]
    found = search.table(store, [], experiments=every, view="ALL")
    deleted = len(found.folders) - search.runs(store, max_results=0).total
    also = f", {deleted} of them deleted" if deleted else ""
    yield Check("runs", "good", f"{len(found.folders)}{also}")
    for problem in found.problems[:_NAMED]:
        yield Check("runs", "bad", str(problem), problem.hint or "gittrack fsck")
    if more := len(found.problems[_NAMED:]):
        yield Check("runs", "bad", f"{more} more of this kind", "gittrack fsck names them")
    running = search.runs(store, filter_string=f"status = '{RUNNING}'").runs
    lost = [run.run_id for run in running if run.state() == "interrupted"]
    if lost:
        names = ", ".join(lost[:_NAMED]) + (", ..." if len(lost) > _NAMED else "")
        what = f"{len(lost)} ended without saying so: {names}"
        yield Check("runs", "note", what, "gittrack fsck --repair seals them")


def _models(store: Store) -> Iterator[Check]:
    registry = Registry(store)
    for model in registry.models():
        for problem in registry.versions(model.name).problems:
            yield Check("models", "bad", str(problem), problem.hint or "gittrack fsck")


def _clock(store: Store) -> Iterator[Check]:
    folder = store.root / paths.CACHE
    if not store.tree.is_file(folder):
        return
    probe = folder / paths.temporary_name()
    try:
        before = time.time()
        probe.touch()
        skew = probe.stat().st_mtime - before
    except OSError as error:
        yield Check("store", "note", f"cannot write {folder}: {error.strerror}")
        return
    finally:
        with suppress(OSError):
            probe.unlink()
    if abs(skew) > _SKEW_SECONDS:
        yield Check(
            "clock", "note", f"the file system's clock is {skew:+.0f} s off", "set the clocks"
        )


def _index(store: Store) -> Iterator[Check]:
    path = index.path_of(store.root)
    try:
        with index.opened(store.root):
            yield Check("index", "good", str(path))
    except sqlite3.Error as error:
        hint = "name a folder that can be written with GITTRACK_CACHE"
        yield Check("index", "note", f"{path}: {error}; search reads every run", hint)


def _libraries(_: Store) -> Iterator[Check]:
    for name, lacks in _OPTIONAL.items():
        if importlib.util.find_spec(name) is None:
            yield Check(name, "note", f"is not installed: {lacks}", f"pip install {name}")
