"""Loading a model: its files checked against their digest, its code only where that is wanted."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gittrack import paths, settings
from gittrack.errors import GittrackError, MissingPackageError, ModelError
from gittrack.models import code, digest, flavors, mlmodel
from gittrack.models.flavors.base import Loading
from gittrack.models.uri import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gittrack.models.flavors.base import Flavor
    from gittrack.models.mlmodel import Model
    from gittrack.runs.store import Store


def load_model(
    uri: str | Path,
    *,
    flavor: str,
    store: Store | None = None,
    safe: bool = False,
    **options: Any,
) -> Any:
    """Load a model as the object that its library made.

    Args:
        uri: `runs:/RUN/path`, `models:/NAME/3`, `models:/NAME@ALIAS`, a path, or `file:`.
        flavor: the library it belongs to.
        store: where runs are looked for; the one of the working folder where not given.
        safe: load only what runs no code that comes with the model.
        options: what the library's own loading takes beside, for some flavors.

    Raises:
        NotFoundError: there is no such model.
        ModelError: it is damaged, not of this flavor, or not safe.
    """
    folder = resolve(uri, store=store)
    described = mlmodel.read(folder)
    chosen = flavors.named(flavor)
    if chosen.NAME not in described.flavors:
        hint = f"it has: {', '.join(sorted(described.flavors))}"
        raise ModelError(f"{folder} is no model of the flavor {flavor!r}", hint=hint)
    how = Loading(safe=safe, options=options)
    return load(folder, described, chosen, described.flavors[chosen.NAME], how)


def load(
    folder: Path, described: Model, flavor: Flavor, entry: Mapping[str, Any], how: Loading
) -> Any:
    """Load the model in a folder by one of its flavors; see `load_model`."""
    if settings.loads_safely():
        how = how._replace(safe=True)
    if how.safe:
        _check_safe(folder, flavor, entry)
    runs_code = bool(entry.get("code") or flavor.runs_code(entry))
    with _checked(folder, described.digest, first=runs_code):
        try:
            code.add_to_path(folder, entry)
            return flavor.load(folder, entry, how)
        except GittrackError:
            raise
        except ImportError as error:
            raise MissingPackageError(
                f"{folder} needs {error.name or error}, which is not installed here"
                f"{_misfits(folder)}",
                hint=f"pip install -r {folder / paths.REQUIREMENTS}",
            ) from error
        except Exception as error:
            raise ModelError(
                f"{folder} cannot be loaded: {type(error).__name__}: {error}{_misfits(folder)}",
                hint=f"pip install -r {folder / paths.REQUIREMENTS}, or save the model again",
            ) from error


def _check_safe(folder: Path, flavor: Flavor, entry: Mapping[str, Any]) -> None:
    reason = "modules of its own" if entry.get("code") else flavor.runs_code(entry)
    if reason:
        raise ModelError(
            f"{folder} is {flavor.NAME} with {reason}, and loading that may run any code",
            hint="load it without safe (GITTRACK_SAFE), if you know who made it",
        )


def _misfits(folder: Path) -> str:
    from gittrack.models import requirements

    found = requirements.misfits(folder)
    return f"; it was saved with {', '.join(found)}" if found else ""


@contextmanager
def _checked(folder: Path, wanted: str | None, *, first: bool) -> Iterator[None]:
    """Check the files of a model before it is loaded; or beside that where it may be.

    Where both fail, the files that changed are the reason.

    Args:
        first: it may run code, so nothing of it is loaded before.
    """
    failed: list[ModelError] = []

    def check() -> None:
        try:
            digest.check(folder, str(wanted), without={paths.MLMODEL})
        except ModelError as error:
            failed.append(error)

    if wanted is None:
        yield
        return
    thread = threading.Thread(target=check)
    thread.start()
    if first:
        thread.join()
    try:
        if not failed:
            yield
    except ModelError:
        thread.join()
        if not failed:
            raise
    thread.join()
    if failed:
        raise failed[0]
