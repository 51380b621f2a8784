"""All backends, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gittrack.errors import UsageError
from gittrack.projects.backends import local, slurm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.projects.backends.base import Backend

GROUP = "gittrack.backends"
BACKENDS: Mapping[str, Backend] = {backend.NAME: backend for backend in (local, slurm)}


def backend(name: str) -> Backend:
    """Return the backend of that name, ours or another package's.

    Raises:
        UsageError: there is none.
    """
    if name in BACKENDS:
        return BACKENDS[name]
    from importlib.metadata import entry_points

    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        names = ", ".join(sorted({*BACKENDS, *found}))
        raise UsageError(f"no backend {name!r}", hint=f"--backend takes: {names}")
    try:
        return cast("Backend", found[name].load())
    except Exception as error:
        raise UsageError(
            f"the backend {name!r} cannot be loaded: {error}", hint="install its package again"
        ) from error
