"""What differs of the environments that two runs ran in: Python, platform, packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gittrack import files, paths
from gittrack.compare.changes import Change, pairs
from gittrack.files import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from gittrack.runs.reading import StoredRun
    from gittrack.runs.values import ParamValue

MAX_REQUIREMENTS = 4 * 1024 * 1024
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(.*)")


def environment_of(run: StoredRun) -> dict[str, ParamValue]:
    """Return the Python and the platform of a run, as far as they are known."""
    entries = {"python": run.record.python, "platform": run.record.platform}
    return {name: value for name, value in entries.items() if value is not None}


def read_packages(folder: Path, problems: list[Problem]) -> dict[str, ParamValue]:
    """Return the packages of a folder's requirements.txt and their versions."""
    path = folder / paths.REQUIREMENTS
    try:
        text = files.read_bytes(path, most=MAX_REQUIREMENTS).decode("utf-8", "replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        problems.append(Problem(path, error.strerror or str(error)))
        return {}
    return parse_packages(text)


def parse_packages(text: str) -> dict[str, ParamValue]:
    """Return the packages of a requirements file and their versions."""
    packages: dict[str, ParamValue] = {}
    for line in text.splitlines():
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        match = _REQUIREMENT.fullmatch(entry)
        name, version = (match[1].lower(), match[2]) if match else (entry, "")
        packages[name] = version.removeprefix("==")
    return packages


def package_pairs(
    first: dict[str, ParamValue], second: dict[str, ParamValue]
) -> tuple[Change, ...]:
    """Return the packages of two environments side by side."""
    # Where one run recorded none at all, a list of all packages of the other would say nothing.
    return pairs(first, second) if first and second else ()
