"""The libraries that models need, imported only when they do."""

from __future__ import annotations

import importlib
from typing import Any

from gittrack.errors import MissingPackageError

# What is installed under another name than it is imported by.
DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "cv2": "opencv-python",
    "yaml": "PyYAML",
}


def need(name: str, *, why: str, version: object = None) -> Any:
    """Return a library.

    Args:
        why: what needs it, as a plural, such as "tables".
        version: the one that is wanted.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or name).partition(".")[0]
        package = DISTRIBUTIONS.get(missing, missing)
        wanted = f"{package}=={version}" if version and missing == name else package
        raise MissingPackageError(
            f"{why} need {package}, which is not installed", hint=f"pip install {wanted}"
        ) from None


def pinned(module: str) -> str:
    """Return the requirement that installs a top module as it is here."""
    from importlib import metadata

    package = DISTRIBUTIONS.get(module, module)
    try:
        return f"{package}=={metadata.version(package)}"
    except metadata.PackageNotFoundError:
        pass
    for other in metadata.packages_distributions().get(module, ()):
        return f"{other}=={metadata.version(other)}"
    return package
