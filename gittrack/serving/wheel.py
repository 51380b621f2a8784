"""gittrack itself as a wheel, packed from the code that runs: installed, editable or a checkout."""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import sys
import zipfile
from pathlib import Path

from gittrack import files, schema
from gittrack.errors import ToolError
from gittrack.version import VERSION

_PACKAGE = Path(__file__).resolve().parents[1]
_WHEEL = "Wheel-Version: 1.0\nGenerator: gittrack\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_SCRIPTS = "[console_scripts]\ngittrack = gittrack.cli.main:main\n"


def pack(folder: Path) -> Path:
    """Write the wheel into a folder, and return its path.

    Raises:
        ToolError: nothing here says what gittrack needs.
    """
    name = f"gittrack-{VERSION}"
    path = folder / f"{name}-py3-none-any.whl"
    needs = "".join(f"Requires-Dist: {line}\n" for line in requirements())
    metadata = f"Metadata-Version: 2.1\nName: gittrack\nVersion: {VERSION}\n{needs}"
    contents = {
        **{f"gittrack/{inside}": data for inside, data in _code().items()},
        f"{name}.dist-info/METADATA": metadata.encode(),
        f"{name}.dist-info/WHEEL": _WHEEL.encode(),
        f"{name}.dist-info/entry_points.txt": _SCRIPTS.encode(),
    }
    record = f"{name}.dist-info/RECORD"
    lines = [f"{inside},sha256={_digest(data)},{len(data)}" for inside, data in contents.items()]
    contents[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for inside, data in contents.items():
            # No time, so that the same code gives the same bytes, and Docker its cached layer.
            archive.writestr(zipfile.ZipInfo(inside), data, zipfile.ZIP_DEFLATED)
    return path


def requirements() -> list[str]:
    """Return what gittrack needs to be installed with, from its checkout or its metadata.

    Raises:
        ToolError: neither is here.
    """
    project = _PACKAGE.parent / "pyproject.toml"
    if project.is_file() and b'name = "gittrack"' in (data := project.read_bytes()):
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        return list(tomllib.loads(data.decode())["project"]["dependencies"])
    try:
        needs = importlib.metadata.requires("gittrack") or []
    except importlib.metadata.PackageNotFoundError:
        raise ToolError(
            f"gittrack in {_PACKAGE} is not installed", hint="install it: pip install gittrack"
        ) from None
    return [line for line in needs if "extra ==" not in line]


def _code() -> dict[str, bytes]:
    found = {
        path.relative_to(_PACKAGE).as_posix(): path.read_bytes()
        for path in files.walk(_PACKAGE)
        if "__pycache__" not in path.parts
    }
    schemas = {f"schemas/{path.name}": path.read_bytes() for path in schema.files()}
    return {**found, **schemas}


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
