"""The scoring server as a WSGI application: /invocations, and what operators ask for.

gunicorn runs it as `gunicorn 'gittrack.serving:create_app("runs:/ID/model")'`. With several workers
of gunicorn, /metrics tells of the one that answers; those of `gittrack serve` count together.
"""

from __future__ import annotations

import logging
import time
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gittrack import paths
from gittrack.errors import InvalidValueError, SchemaMismatchError
from gittrack.models import packages
from gittrack.models.enforcement import enforce_params
from gittrack.models.pyfunc import PyFuncModel, load_model
from gittrack.serving import metrics, openapi, request, response
from gittrack.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from gittrack.serving.metrics import Board
    from gittrack.serving.request import Form, Request
    from gittrack.serving.response import Response

MAX_BODY = 16 * 1024 * 1024

_WORDS = 300

_PAGES = ("/ping", "/health", "/version", "/metrics", "/openapi.json")
_METHODS: Mapping[str, str] = {**dict.fromkeys(_PAGES, "GET, HEAD"), "/invocations": "POST"}
_log = logging.getLogger(__name__)

Environ = dict[str, Any]


def create_app(
    model_uri: str | Path,
    *,
    max_body: int = MAX_BODY,
    debug: bool = False,
    board: Board | None = None,
    worker: int = 0,
) -> ScoringApp:
    """Load a model and return the WSGI application that serves it.

    Args:
        max_body: the size in bytes past which a body is refused.
        debug: show clients the stack trace of a failure.
        board: what /metrics tells, shared by several workers; one of its own where not given.
        worker: which of them this is.

    Raises:
        NotFoundError: there is no such model.
        ModelError: it cannot be loaded.
        MissingPackageError: it, or the tables that clients send, need what is not installed.
    """
    for name in ("numpy", "pandas"):
        packages.need(name, why="the tables that clients send")
    model = load_model(model_uri)
    board = board or metrics.Board()
    return ScoringApp(model, max_body=max_body, debug=debug, board=board, worker=worker)


class ScoringApp:
    """A WSGI application around one loaded model."""

    def __init__(
        self, model: PyFuncModel, *, max_body: int, debug: bool, board: Board, worker: int
    ) -> None:
        self._model, self._debug, self._board = model, debug, board
        self.max_body, self.row = max_body, board.rows[worker]
        self.row.begin()
        self._texts = request.text_columns(model.metadata.get_input_schema())
        self._pages: Mapping[str, Callable[[], Response]] = {
            "/ping": response.ready,
            "/health": response.ready,
            "/version": lambda: response.page(VERSION.encode(), response.TEXT),
            "/openapi.json": lambda: response.page(openapi.describe(model.metadata)),
            "/metrics": lambda: response.page(board.text(), metrics.CONTENT_TYPE),
        }

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        began = time.perf_counter()
        try:
            answer = self._answer(environ)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the HTTP server's own page is no answer
            answer = self._incident("the server failed on this request", error)
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        start_response(f"{answer.status.value} {answer.status.phrase}", [*headers, *answer.headers])
        seconds = time.perf_counter() - began
        self.row.answered(environ.get("PATH_INFO", ""), answer.status.value, seconds)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, environ: Environ) -> Response:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        allowed = _METHODS.get(path)
        if allowed is None:
            message = f"no such path; there are {', '.join(_METHODS)}"
            return response.refusal(HTTPStatus.NOT_FOUND, message)
        if method not in allowed.split(", "):
            message = f"{path} takes {allowed}"
            return response.refusal(HTTPStatus.METHOD_NOT_ALLOWED, message, allow=allowed)
        return self._pages[path]() if path in self._pages else self._score(environ)

    def _score(self, environ: Environ) -> Response:
        form = request.form_of(environ.get("CONTENT_TYPE"))
        if form is None:
            given = environ.get("CONTENT_TYPE") or "missing"
            message = f"Content-Type is {given:.100}; this server reads {request.ACCEPTED}"
            return response.refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, message)
        body = _read_body(environ, self.max_body)
        if body is None:
            message = f"the body is larger than {self.max_body} bytes"
            return response.refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)
        try:
            asked = self._read(body, form)
        except (InvalidValueError, SchemaMismatchError) as error:
            message = f"{error.message}; {error.hint}" if error.hint else error.message
            return response.refusal(HTTPStatus.BAD_REQUEST, message)
        return self._predict(asked)

    def _read(self, body: bytes, form: Form) -> Request:
        asked = request.parse(body, form, texts=self._texts)
        data = self._model.fit_to_signature(asked.data, exact=not asked.typed)
        if isinstance(data, dict) and self._model.metadata.get_input_schema() is None:
            data = request.table(data)
        return asked._replace(data=data, params=self._known(asked.params))

    def _known(self, params: Mapping[str, Any]) -> Mapping[str, Any]:
        if not params:
            return params
        signature = self._model.metadata.signature
        schema = signature.params if signature else None
        names = {spec.name for spec in schema.params} if schema else set()
        if unknown := sorted(set(params) - names):
            _log.warning("the model has no parameters %s, so they are ignored", unknown)
        known = {name: value for name, value in params.items() if name in names}
        enforce_params(known, schema)
        return known

    def _predict(self, asked: Request) -> Response:
        began = time.perf_counter()
        try:
            try:
                answer = self._model.score(asked.data, asked.params)
            except (ValueError, TypeError) as error:  # what libraries say of input they cannot take
                return self._not_taken(error)
            finally:
                self.row.predicted(time.perf_counter() - began)
            return response.predictions(answer, bare=asked.bare)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a model may raise anything
            return self._incident("the model failed on this input", error)

    def _incident(self, what: str, error: BaseException) -> Response:
        incident = paths.random_text(12)
        _log.error("%s, incident %s", what, incident, exc_info=error)
        message = f"{what}; the server's log says why under {incident}"
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return response.refusal(status, message, trace=self._trace(error))

    def _not_taken(self, error: Exception) -> Response:
        words = (str(error).strip() or type(error).__name__).splitlines()[0][:_WORDS]
        _log.warning("the model cannot take an input: %s: %s", type(error).__name__, words)
        message = f"the model cannot take this input: {words}"
        return response.refusal(HTTPStatus.BAD_REQUEST, message, trace=self._trace(error))

    def _trace(self, error: BaseException) -> str:
        return "".join(traceback.format_exception(error)) if self._debug else ""


def _read_body(environ: Environ, limit: int) -> bytes | None:
    """Return the body; None where it is too large."""
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH") or ""
    if length.isdigit():
        return None if int(length) > limit else bytes(stream.read(int(length)))
    if environ.get("wsgi.input_terminated"):
        body = bytes(stream.read(limit + 1))
        return None if len(body) > limit else body
    return b""
