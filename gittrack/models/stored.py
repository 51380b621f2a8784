"""Models of the store: of a run, registered, and as another revision has them."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from gittrack import paths, search
from gittrack.errors import ModelError, NotFoundError, UsageError
from gittrack.git import objects
from gittrack.models import digest
from gittrack.models.folder import existing, models_of
from gittrack.registry import Registry, Version
from gittrack.runs import revisions
from gittrack.runs.store import Store

_IN_STORE = re.compile(
    r"((?P<revision>.+?):)?(?P<uri>(?P<kind>runs|models):.*)", re.DOTALL | re.IGNORECASE
)
# A revision that a model was loaded from: its files are there as long as this process.
_revisions: dict[tuple[Path, str, str], Store] = {}


def find(text: str, store: Store | None) -> Path:
    """Return the folder of a model that `runs:/`, `models:/` or `REVISION:…` names.

    Raises:
        GittrackError: see `gittrack.models.uri.resolve`.
    """
    named = _IN_STORE.fullmatch(text)
    if named is None:
        return _committed(*text.split(":", 1))
    store = store or Store.open()
    if named["revision"]:
        store = _at(store, named["revision"])
    if named["kind"].lower() == "runs":
        return _in_run(named["uri"], store)
    return _registered(named["uri"], Registry(store))


def _at(store: Store, revision: str) -> Store:
    folder = objects.repository(store.root).folder
    key = store.root, objects.commit_of(revision, cwd=folder), ""
    if key not in _revisions:
        _revisions[key] = revisions.at(store, revision)
    return _revisions[key]


def _committed(revision: str, path: str) -> Path:
    """Return a folder of the repository as a revision has it, `REVISION:PATH` as Git reads it."""
    folder, inside = objects.repository(Path.cwd()).folder, path.removesuffix(f"/{paths.MLMODEL}")
    key = folder, objects.commit_of(revision, cwd=folder), inside
    if key not in _revisions:
        _revisions[key] = revisions.folder_at(inside.strip("/"), revision, folder)
    return existing(_revisions[key].tree.local(_revisions[key].root))


def _in_run(uri: str, store: Store) -> Path:
    reference, _, path = uri[len("runs:") :].lstrip("/").partition("/")
    path = path.strip("/")
    if not reference or not path:
        raise UsageError(
            f"model URI {uri!r} names no run and path", hint="such as runs:/k3v9x2mq7d/model"
        )
    if ".." in PurePosixPath(path).parts or "\\" in path:
        raise UsageError(
            f"model URI {uri!r} leads out of the run's artifacts", hint="name a folder inside them"
        )
    run = search.find(store, reference)
    return _artifact(run.artifacts, path, run.run_id)


def _artifact(artifacts: Path, path: str, run_id: str) -> Path:
    folder = artifacts / path
    if not folder.exists():
        raise NotFoundError(f"run {run_id} has no artifact {path!r}", hint=models_of(artifacts))
    if artifacts.is_symlink() or not folder.resolve().is_relative_to(artifacts.resolve()):
        raise ModelError(
            f"{folder} is a link that leads out of the run's artifacts", hint="copy the model there"
        )
    return existing(folder)


def parse_registered(uri: str) -> tuple[str, str]:
    """Return the name of a `models:/` URI, and its number, alias or `latest`.

    Raises:
        UsageError: it is no such URI.
    """
    path = uri[len("models:") :].lstrip("/")
    name, sign, which = path.rpartition("@") if "@" in path else path.partition("/")
    if not name or not sign or not which or "/" in name + which:
        raise UsageError(
            f"Not a proper models:/ URI: {uri}", hint="such as models:/wine/3 or models:/wine@best"
        )
    return name, which


def _registered(uri: str, registry: Registry) -> Path:
    """Return the folder of a registered version, whose files are still those of its digest."""
    found = registry.named(*parse_registered(uri))
    folder = version_folder(found, registry.store)
    try:
        digest.check(folder, found.digest)
    except ModelError as error:
        message = f"version {found.number} of {found.name}: {error.message}"
        raise ModelError(message, hint=error.hint) from None
    return folder


def version_folder(version: Version, store: Store) -> Path:
    """Return the folder of a registered version, among the artifacts of its run.

    Raises:
        NotFoundError: its run, or the model there, is not in the store.
        ModelError: its path leads out of the run.
    """
    what = f"version {version.number} of {version.name}"
    if ".." in PurePosixPath(version.path).parts or version.path.startswith("/"):
        raise ModelError(
            f"{what} leads out of its run: {version.path!r}", hint="remove the version"
        )
    try:
        run = store.folder_of(version.run_id)
    except NotFoundError:
        raise NotFoundError(
            f"{what} is of the run {version.run_id}, which is not in {store.place}",
            hint=f"git log --all --oneline -- 'mlruns/*{version.run_id}/run.json' may find it",
        ) from None
    return _artifact(store.tree.local(run) / paths.ARTIFACTS, version.path, version.run_id)
