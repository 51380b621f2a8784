"""The libraries that models share and gittrack does without until a model needs one."""

from __future__ import annotations

import importlib
from typing import Any

from gittrack.errors import MissingPackageError


def need(name: str, *, why: str) -> Any:
    """Return a library.

    Args:
        why: what needs it, as a plural, such as "tables".

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        raise MissingPackageError(
            f"{why} need {missing}, which is not installed", hint=f"pip install {missing}"
        ) from None
