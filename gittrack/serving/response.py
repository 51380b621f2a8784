"""What the scoring server answers: a status, headers and a body."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, NamedTuple

from gittrack.models import encoding

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


class Response(NamedTuple):
    """One answer."""

    status: HTTPStatus
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def predictions(value: Any, *, bare: bool) -> Response:
    """Answer a model's predictions: as they are, or under "predictions".

    Raises:
        ModelError: they hold something that JSON has no form for.
    """
    text = encoding.dumps(value if bare else {"predictions": value})
    return Response(HTTPStatus.OK, text.encode())


def text(content: str) -> Response:
    """Answer a plain text."""
    return Response(HTTPStatus.OK, content.encode(), TEXT)


def ready() -> Response:
    """Answer that the model is there, as MLflow and SageMaker ask it."""
    return Response(HTTPStatus.OK, b"\n")


def refusal(status: HTTPStatus, code: str, message: str, *, allow: str = "") -> Response:
    """Answer an error: its code and one line that says what is wrong."""
    body = json.dumps({"error_code": code, "message": " ".join(message.split())})
    return Response(status, body.encode(), headers=(("Allow", allow),) if allow else ())
