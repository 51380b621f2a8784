"""Lists that are given in pages."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, TypeVar

from gittrack.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST_PAGE = 50_000

T = TypeVar("T")
_Found = TypeVar("_Found")


class PagedList(list[T]):
    """One page of a list; `token` asks for the next one, None where this was the last."""

    def __init__(self, items: Sequence[T], token: str | None) -> None:
        super().__init__(items)
        self.token = token

    def to_list(self) -> list[T]:
        """Return the page as a plain list."""
        return list(self)


def page(
    found: Sequence[_Found], *, max_results: int | None, token: str | None
) -> tuple[Sequence[_Found], str | None]:
    """Return the page of a list that a token asks for, and the token of the page after it.

    Raises:
        InvalidValueError: the token is none of ours, or the page too large.
    """
    size = len(found) if max_results is None else max_results
    if size < 0 or (max_results is not None and size > LARGEST_PAGE):
        raise InvalidValueError(
            f"Invalid value {max_results} for parameter 'max_results' supplied: it must be at most "
            f"{LARGEST_PAGE}",
            hint="ask for the rest with page_token=result.token",
        )
    start = _offset(token) if token else 0
    end = start + size
    return found[start:end], _token(end) if end < len(found) else None


def _token(offset: int) -> str:
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def _offset(token: str) -> int:
    try:
        offset = json.loads(base64.b64decode(token, validate=True))["offset"]
    except (ValueError, KeyError, TypeError):
        offset = None
    if not isinstance(offset, int) or offset < 0:
        raise InvalidValueError(
            f"Invalid page token {token[:40]!r}", hint="use the attribute token of the page before"
        )
    return offset
