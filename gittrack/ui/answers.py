"""What the server answers: a status, headers, and a body or a file."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gittrack.errors import NotFoundError
from gittrack.ui import artifactview

if TYPE_CHECKING:
    from pathlib import Path

HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
JSON = "application/json"

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; frame-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
_FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_FRAME_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'"
)
_PDF_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; plugin-types application/pdf"
)
_ASSET_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_COMPRESSED_FROM = 1024
_LONG = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Answer:
    """One answer; where `path` is given, the body is that file."""

    body: bytes = b""
    content_type: str = HTML
    status: HTTPStatus = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)
    path: Path | None = None


def page(html: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Return a page."""
    return Answer(
        html.encode("utf-8", "replace"), HTML, status, {"Content-Security-Policy": _PAGE_POLICY}
    )


def data(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Return a value as JSON; a text is JSON already."""
    text = value if isinstance(value, str) else to_text(value)
    return Answer(text.encode(), JSON, status)


def to_text(value: Any) -> str:
    """Return a value as JSON on one line."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def text(path: Path) -> Answer:
    """Return a file of a run as plain text."""
    return Answer(content_type=TEXT, headers={"Content-Security-Policy": _FILE_POLICY}, path=path)


def artifact(path: Path, *, framed: bool = False) -> Answer:
    """Return an artifact; what could run is a download, or in a frame has no rights at all."""
    suffix = path.suffix.lower()
    headers = {"Content-Security-Policy": _FILE_POLICY}
    content_type = artifactview.IMAGES.get(suffix, "application/octet-stream")
    if framed:
        if artifactview.kind_of(path.name) != "html":
            raise NotFoundError(f"{path.name} is no page")
        headers = {"Content-Security-Policy": _FRAME_POLICY}
        return Answer(content_type=HTML, headers=headers, path=path)
    if suffix == ".pdf":
        content_type, headers = "application/pdf", {"Content-Security-Policy": _PDF_POLICY}
    # A picture of type SVG is a document when it is opened by itself.
    shown = content_type != "application/octet-stream" and suffix != ".svg"
    name = quote(path.name)
    disposition = "inline" if shown else "attachment"
    headers["Content-Disposition"] = f"{disposition}; filename*=UTF-8''{name}"
    return Answer(content_type=content_type, headers=headers, path=path)


def tagged(answer: Answer, environ: dict[str, Any]) -> Answer:
    """Return an answer compressed, with a tag of its content, or 304 where the reader has it."""
    if answer.path is not None or answer.status is not HTTPStatus.OK:
        return answer
    headers, body = dict(answer.headers), answer.body
    if "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-cache"
        headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        if environ.get("HTTP_IF_NONE_MATCH") == headers["ETag"]:
            return Answer(b"", answer.content_type, HTTPStatus.NOT_MODIFIED, headers)
    return Answer(body, answer.content_type, answer.status, headers)


def packed(answer: Answer, environ: dict[str, Any]) -> Answer:
    """Return an answer compressed, where that pays and the reader is not on this machine."""
    far = not str(environ.get("REMOTE_ADDR", "")).startswith("127.")
    takes = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
    if not (far and takes and len(answer.body) > _COMPRESSED_FROM):
        return answer
    if "Content-Encoding" in answer.headers:
        return answer
    headers = {**answer.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Answer(gzip.compress(answer.body, 4), answer.content_type, answer.status, headers)


def asset(body: bytes, name: str) -> Answer:
    """Return a script or style sheet, compressed and good for a year: its link has its version."""
    kind = _ASSET_TYPES[name.rpartition(".")[2]]
    headers = {"Cache-Control": _LONG, "Content-Encoding": "gzip"}
    return Answer(body, kind, headers=headers)
