"""All environment managers, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gittrack.environments import local
from gittrack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.environments.base import EnvironmentManager

MANAGERS: Mapping[str, EnvironmentManager] = {local.NAME: local}


def manager(name: str | None) -> EnvironmentManager:
    """Return the environment manager of that name; the current environment where none is named.

    Raises:
        UsageError: there is none of that name.
    """
    if name is None:
        return MANAGERS[local.NAME]
    if name not in MANAGERS:
        raise UsageError(
            f"no environment manager {name!r}", hint=f"--env-manager takes: {', '.join(MANAGERS)}"
        )
    return MANAGERS[name]
