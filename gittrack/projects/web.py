"""Files from the web: zip files of projects, and values of parameters that are paths."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

from gittrack import secrets
from gittrack.errors import NotFoundError, ProjectError, ToolError
from gittrack.git.state import without_credentials

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 4 * 1024**3

_SCHEMES = ("http://", "https://")
_SECONDS = 60
_NOT_FOUND = 404
_LONGEST = 100


def is_url(text: str) -> bool:
    """Tell whether a text is a URL of the web."""
    return text.lower().startswith(_SCHEMES)


def file_name(url: str) -> str:
    """Return the name of a file for what a URL gives."""
    name = url.partition("#")[0].partition("?")[0].rstrip("/").rpartition("/")[2][-_LONGEST:]
    return "download" if name in ("", ".", "..") else name


def save(url: str, path: Path) -> None:
    """Write what a URL gives to a new file, see `download`."""
    with path.open("xb") as file:
        download(url, file)


def download(url: str, into: IO[bytes]) -> None:
    """Write what a URL gives to a file.

    Raises:
        NotFoundError: there is nothing.
        ProjectError: it is too large.
        ToolError: it cannot be fetched.
    """
    import urllib.request
    from http.client import HTTPException
    from urllib.error import HTTPError

    shown = secrets.redact(without_credentials(url))
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - see is_url
            while data := answer.read(1 << 20):
                into.write(data)
                if into.tell() > MAX_BYTES:
                    raise ProjectError(
                        f"{shown} is larger than {MAX_BYTES} bytes", hint="download it by hand"
                    )
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(error, HTTPError):
            error.close()
        kind = NotFoundError if getattr(error, "code", 0) == _NOT_FOUND else ToolError
        raise kind(f"cannot fetch {shown}: {reason}", hint="check the URL") from None
