"""Model URIs, as the folder that holds the MLmodel.

`runs:/RUN/path`, `models:/NAME/3`, `models:/NAME@ALIAS`, `models:/NAME/latest`, a path, or `file:`.
The first four also as another revision has them: `main:models:/NAME@ALIAS`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from gittrack import paths, search, settings
from gittrack.errors import ModelError, NotFoundError, UsageError
from gittrack.git import objects
from gittrack.models import digest
from gittrack.registry import Registry, Version
from gittrack.runs import revisions
from gittrack.runs.store import Store

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_IN_STORE = re.compile(
    r"((?P<revision>.+?):)?(?P<uri>(?P<kind>runs|models):.*)", re.DOTALL | re.IGNORECASE
)
_NAMED = 3
# A revision that a model was loaded from: its files are there as long as this process.
_revisions: dict[tuple[Path, str], Store] = {}
_KINDS = "give runs:/RUN/path, models:/NAME/3, models:/NAME@ALIAS, a path, or file:"


def resolve(uri: str | Path, *, store: Store | None = None) -> Path:
    """Return the folder of the model that a URI names.

    Args:
        uri: RUN in `runs:/RUN/path` is an id, its prefix, a name, `@`, `best:METRIC` ...
        store: where runs are looked for; the one of the working folder where not given.

    Raises:
        UsageError: it is no URI that gittrack reads.
        NotFoundError: there is no such run or model.
        AmbiguousError: the run's name fits several.
    """
    text = os.fspath(uri)
    if not text or "\0" in text:
        raise UsageError(f"the model URI {text!r} is no name of a model", hint=_KINDS)
    if isinstance(uri, Path):
        return _existing(uri)
    named = _IN_STORE.fullmatch(text)
    if named is None or (named["revision"] and Path(text).exists()):
        return _path(text)
    store = store or Store.open()
    if named["revision"]:
        store = _at(store, named["revision"])
    of_run = named["kind"].lower() == "runs"
    return _in_run(named["uri"], store) if of_run else _registered(named["uri"], Registry(store))


def _path(text: str) -> Path:
    match = _SCHEME.match(text)
    scheme = match[1].lower() if match else ""
    if scheme == "file":
        return _existing(settings.local_path(text, source="model URI"))
    if scheme and not Path(text).exists():
        raise UsageError(f"model URI {text!r}: gittrack does not read {scheme}: yet", hint=_KINDS)
    return _existing(Path(text).expanduser())


def _at(store: Store, revision: str) -> Store:
    folder = objects.repository(store.root).folder
    key = store.root, objects.commit_of(revision, cwd=folder)
    if key not in _revisions:
        _revisions[key] = revisions.at(store, key[1])
    return _revisions[key]


def runs_uri(run_id: str, artifact_path: str) -> str:
    """Return the URI of a model in a run's artifacts."""
    return f"runs:/{run_id}/{artifact_path}"


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
        raise NotFoundError(f"run {run_id} has no artifact {path!r}", hint=_models_of(artifacts))
    if artifacts.is_symlink() or not folder.resolve().is_relative_to(artifacts.resolve()):
        raise ModelError(
            f"{folder} is a link that leads out of the run's artifacts", hint="copy the model there"
        )
    return _existing(folder)


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
            f"{what} is of the run {version.run_id}, which is not in {store.root}",
            hint=f"git log --all --oneline -- 'mlruns/*{version.run_id}/run.json' may find it",
        ) from None
    return _artifact(store.tree.local(run) / paths.ARTIFACTS, version.path, version.run_id)


def _models_of(artifacts: Path) -> str:
    found = sorted(
        path.parent.relative_to(artifacts).as_posix() for path in artifacts.rglob(paths.MLMODEL)
    )
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"its models: {', '.join(found[:_NAMED])}{more}" if found else "it has no model"


def _existing(path: Path) -> Path:
    if not path.exists():
        raise NotFoundError(f"no model at {path}: no such folder", hint=_KINDS)
    if path.name == paths.MLMODEL and path.is_file():
        return path.parent
    if not (path / paths.MLMODEL).is_file():
        hint = _models_of(path) if path.is_dir() else _KINDS
        raise ModelError(f"{path} is no model: it has no {paths.MLMODEL}", hint=hint)
    return path
