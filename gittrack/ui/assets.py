"""Scripts and styles: those of this package, and plotly.js out of the `plotly` package."""

from __future__ import annotations

import functools
import gzip
import importlib.util
from pathlib import Path

STATIC = Path(__file__).parent / "static"
PLOTLY = "plotly.min.js"
_FAST = 4


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of the scripts and styles of this package."""
    return tuple(
        sorted(path.name for path in STATIC.iterdir() if path.suffix in {".js", ".css", ".svg"})
    )


@functools.cache
def plotly() -> Path | None:
    """Return where the installed `plotly` package keeps its script; it is never imported."""
    found = importlib.util.find_spec("plotly")
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        path = Path(folder) / "package_data" / PLOTLY
        if path.is_file():
            return path
    return None


def path_of(name: str) -> Path | None:
    """Return the file of an asset, None where there is no such one."""
    if name == PLOTLY:
        return plotly()
    return STATIC / name if name in names() else None


@functools.cache
def compressed(name: str) -> bytes:
    """Return an asset compressed with gzip."""
    path = path_of(name)
    return gzip.compress(path.read_bytes(), _FAST) if path is not None else b""


@functools.cache
def plotly_version() -> str:
    """Return the version of the installed `plotly`, "" where there is none: charts need it."""
    path = plotly()
    if path is None:
        return ""
    site = path.parent.parent.parent
    found = next(site.glob("plotly-*.dist-info"), None)
    return found.name.removesuffix(".dist-info").removeprefix("plotly-") if found else "?"
