"""All environment managers, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gittrack.environments import conda, docker, local, virtualenv
from gittrack.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gittrack.environments.base import Environment, EnvironmentManager, Kind

MANAGERS: Mapping[str, EnvironmentManager] = {
    manager.NAME: manager for manager in (local, virtualenv, conda, docker)
}

# What builds an environment where nobody says otherwise.
_OF_KIND: Mapping[Kind, str] = {
    "python_env": virtualenv.NAME,
    "conda_env": conda.NAME,
    "docker_env": docker.NAME,
}


def manager(name: str | None, environment: Environment | None = None) -> EnvironmentManager:
    """Return the environment manager of that name.

    Where none is named, that of the environment, and the current environment where there is none.

    Raises:
        UsageError: there is none of that name.
    """
    if name is None:
        return MANAGERS[_OF_KIND[environment.kind] if environment is not None else local.NAME]
    if name not in MANAGERS:
        raise UsageError(
            f"no environment manager {name!r}", hint=f"--env-manager takes: {', '.join(MANAGERS)}"
        )
    return MANAGERS[name]
