"""What the scoring server answers: a status, headers and a body."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from gittrack.models import encoding

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

_CODES: Mapping[HTTPStatus, str] = {
    HTTPStatus.NOT_FOUND: "ENDPOINT_NOT_FOUND",
    HTTPStatus.INTERNAL_SERVER_ERROR: "INTERNAL_ERROR",
    HTTPStatus.NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    HTTPStatus.GATEWAY_TIMEOUT: "DEADLINE_EXCEEDED",
}


class Response(NamedTuple):
    """One answer."""

    status: HTTPStatus
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def raw(self) -> bytes:
        """Return the answer as the last one of a connection, ready to be sent."""
        head = (
            f"HTTP/1.1 {self.status.value} {self.status.phrase}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        return head.encode() + self.body


def predictions(value: Any, *, bare: bool) -> Response:
    """Answer a model's predictions: as they are, or under "predictions".

    Raises:
        ModelError: they hold something that JSON has no form for.
    """
    text = encoding.dumps(value if bare else {"predictions": value})
    return Response(HTTPStatus.OK, text.encode())


def page(content: bytes, content_type: str = JSON) -> Response:
    """Answer what is written already."""
    return Response(HTTPStatus.OK, content, content_type)


def ready() -> Response:
    """Answer that the model is there, as MLflow and SageMaker ask it."""
    return Response(HTTPStatus.OK, b"\n")


def refusal(status: HTTPStatus, message: str, *, allow: str = "", trace: str = "") -> Response:
    """Answer an error: its code and one line that says what is wrong.

    Args:
        allow: the methods that the path takes.
        trace: the stack trace, where clients may see it.
    """
    told = {
        "error_code": _CODES.get(status, "BAD_REQUEST"),
        "message": " ".join(message.split()),
        **({"stack_trace": trace} if trace else {}),
    }
    headers = (("Allow", allow),) if allow else ()
    return Response(status, json.dumps(told).encode(), headers=headers)
