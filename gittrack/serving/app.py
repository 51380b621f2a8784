"""The scoring server as a WSGI application: /ping, /health, /version and /invocations.

gunicorn runs it as `gunicorn 'gittrack.serving:create_app("runs:/ID/model")'`.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gittrack import paths
from gittrack.errors import InvalidValueError, SchemaMismatchError
from gittrack.models import packages
from gittrack.models.pyfunc import PyFuncModel, load_model
from gittrack.serving import request, response
from gittrack.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from gittrack.serving.response import Response

MAX_BODY = 16 * 1024 * 1024

_WORDS = 300

_METHODS: Mapping[str, str] = {
    "/ping": "GET, HEAD",
    "/health": "GET, HEAD",
    "/version": "GET, HEAD",
    "/invocations": "POST",
}
_log = logging.getLogger(__name__)

Environ = dict[str, Any]


def create_app(model_uri: str | Path, *, max_body: int = MAX_BODY) -> ScoringApp:
    """Load a model and return the WSGI application that serves it.

    Args:
        max_body: the size in bytes past which a body is refused.

    Raises:
        NotFoundError: there is no such model.
        ModelError: it cannot be loaded.
        MissingPackageError: it, or the tables that clients send, need what is not installed.
    """
    for name in ("numpy", "pandas"):
        packages.need(name, why="the tables that clients send")
    return ScoringApp(load_model(model_uri), max_body=max_body)


class ScoringApp:
    """A WSGI application around one loaded model."""

    def __init__(self, model: PyFuncModel, *, max_body: int = MAX_BODY) -> None:
        self._model = model
        self.max_body = max_body

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        try:
            answer = self._answer(environ)
        except Exception:  # noqa: BLE001 - the HTTP server's own page is no answer for a client
            answer = _incident("the server failed on this request")
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        start_response(f"{answer.status.value} {answer.status.phrase}", [*headers, *answer.headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, environ: Environ) -> Response:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        allowed = _METHODS.get(path)
        if allowed is None:
            known = ", ".join(_METHODS)
            return response.refusal(
                HTTPStatus.NOT_FOUND, "ENDPOINT_NOT_FOUND", f"no such path; there are {known}"
            )
        if method not in allowed.split(", "):
            message = f"{path} takes {allowed}"
            return response.refusal(
                HTTPStatus.METHOD_NOT_ALLOWED, "BAD_REQUEST", message, allow=allowed
            )
        if path == "/version":
            return response.text(VERSION)
        return self._score(environ) if path == "/invocations" else response.ready()

    def _score(self, environ: Environ) -> Response:
        form = request.form_of(environ.get("CONTENT_TYPE"))
        if form is None:
            given = environ.get("CONTENT_TYPE") or "missing"
            message = f"Content-Type is {given:.100}; this server reads {request.ACCEPTED}"
            return response.refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "BAD_REQUEST", message)
        body = _read_body(environ, self.max_body)
        if body is None:
            message = f"the body is larger than {self.max_body} bytes"
            return response.refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "BAD_REQUEST", message)
        try:
            asked = request.parse(body, form)
            data = self._model.fit_to_signature(asked.data, exact=True)
            if isinstance(data, dict) and self._model.metadata.get_input_schema() is None:
                data = request.table(data)
        except (InvalidValueError, SchemaMismatchError) as error:
            message = f"{error.message}; {error.hint}" if error.hint else error.message
            return response.refusal(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", message)
        return self._predict(data, bare=asked.bare)

    def _predict(self, data: Any, *, bare: bool) -> Response:
        try:
            try:
                answer = self._model.score(data)
            except (ValueError, TypeError) as error:  # what libraries say of input they cannot take
                return _not_taken(error)
            return response.predictions(answer, bare=bare)
        except Exception:  # noqa: BLE001 - a model may raise anything
            return _incident("the model failed on this input")


def _incident(what: str) -> Response:
    incident = paths.random_text(12)
    _log.exception("%s, incident %s", what, incident)
    message = f"{what}; the server's log says why under {incident}"
    return response.refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message)


def _not_taken(error: Exception) -> Response:
    words = (str(error).strip() or type(error).__name__).splitlines()[0][:_WORDS]
    _log.warning("the model cannot take an input: %s: %s", type(error).__name__, words)
    message = f"the model cannot take this input: {words}"
    return response.refusal(HTTPStatus.BAD_REQUEST, "BAD_REQUEST", message)


def _read_body(environ: Environ, limit: int) -> bytes | None:
    """Return the body; None where it is too large."""
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH") or ""
    if length.isdigit():
        return None if int(length) > limit else bytes(stream.read(int(length)))
    if environ.get("wsgi.input_terminated"):
        body = bytes(stream.read(limit + 1))
        return None if len(body) > limit else body
    return b""
