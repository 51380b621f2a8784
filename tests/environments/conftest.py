"""Packages and folders for environments that are really built, without a download."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gittrack.environments.base import Environment, Kind, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable


def make_wheel(folder: Path, name: str = "tiny", version: str = "1.0") -> Path:
    """Write a wheel of one module, whose VERSION is its version."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def named(isolated: Path) -> Callable[..., Environment]:
    """Write files into the working folder, and return the environment that the first one is."""

    def make(kind: Kind = "python_env", **texts: str) -> Environment:
        written = []
        for name, text in texts.items():
            written.append(isolated / name.replace("_yaml", ".yaml").replace("_txt", ".txt"))
            written[-1].write_text(text)
        return Environment(kind, written[0])

    return make


@pytest.fixture
def told() -> list[str]:
    """What a reporter was told, steps marked by a dash."""
    return []


@pytest.fixture
def reporter(told: list[str]) -> Reporter:
    """A reporter that keeps what it is told."""
    return Reporter(told.append, lambda line: told.append(f"- {line}"))
