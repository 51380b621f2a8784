"""Lists that are given in pages."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, TypeVar

from gittrack import notebook
from gittrack.entities import Run
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

    def _repr_html_(self) -> str | None:
        runs = [item.to_dictionary() for item in self if isinstance(item, Run)]
        return notebook.runs(runs) if runs else None

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
    start, size = window(max_results or 0, token)
    end = len(found) if max_results is None else start + size
    return found[start:end], token_of(end, total=len(found))


def window(max_results: int, token: str | None) -> tuple[int, int]:
    """Return how many of a list stand before a page, and how many it may have.

    Raises:
        InvalidValueError: the token is none of ours, or the page too large.
    """
    if not 0 <= max_results <= LARGEST_PAGE:
        raise InvalidValueError(
            f"Invalid value {max_results} for parameter 'max_results' supplied: it must be at most "
            f"{LARGEST_PAGE}",
            hint="ask for the rest with page_token=result.token",
        )
    return _offset(token) if token else 0, max_results


def token_of(offset: int, *, total: int) -> str | None:
    """Return the token of the page that begins there; None where there is none."""
    if offset >= total:
        return None
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
