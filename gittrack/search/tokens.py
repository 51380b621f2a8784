"""Cut a filter into words, quoted texts, operators and brackets; complain about a place in it."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from gittrack.errors import FilterError
from gittrack.runs.values import number_of

Kind = Literal["word", "number", "text", "name", "operator", "bracket", "end"]

Role = Literal["filter", "sort key", "column"]

_TOKEN = re.compile(
    r"""
    (?P<text> '(?:[^']|'')*' | "(?:[^"]|"")*" )
  | (?P<name> `[^`]*` )
  | (?P<operator> <= | >= | != | <> | == | = | < | > )
  | (?P<bracket> [(),] )
  | (?P<word> [^\s'"`(),<>=!]+ )
    """,
    re.VERBOSE,
)
_BLANKS = re.compile(r"\s*")
_SAME = {"<>": "!=", "==": "="}
_SHOWN = 72
_LONGEST = 40


class Token(NamedTuple):
    """A piece of a filter: what it is, what it says without quotes, where it begins and ends."""

    kind: Kind
    value: str
    start: int
    end: int


def tokenize(text: str, *, role: Role = "filter") -> list[Token]:
    """Cut a filter into tokens; the last one is its end.

    Raises:
        FilterError: a quote is not closed, or a character belongs nowhere.
    """
    tokens: list[Token] = []
    at = _skip(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            quote = text[at] in "'\"`"
            what = (
                f"the quote {text[at]} is not closed" if quote else f"{text[at]!r} has no meaning"
            )
            hint = f"close it with {text[at]}" if quote else ""
            raise complaint(text, at, what, hint=hint, role=role)
        tokens.append(_token(match))
        at = _skip(text, match.end())
    return [*tokens, Token("end", "", len(text), len(text))]


def complaint(
    text: str, at: int, what: str, *, hint: str = "", role: Role = "filter"
) -> FilterError:
    """Return the error that shows a place in a filter or sort key, a caret below it."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    first = max(0, at - _SHOWN // 2) if len(shown) > _SHOWN else 0
    before = "…" if first else ""
    after = "…" if len(shown) > first + _SHOWN else ""
    line = f"{before}{shown[first : first + _SHOWN]}{after}"
    caret = " " * (at - first + len(before)) + "^"
    return FilterError(f"{role}, character {at + 1}: {what}\n  {line}\n  {caret}", hint=hint)


def cut(text: str) -> str:
    """Return a text short enough for a message."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _token(match: re.Match[str]) -> Token:
    kind, value = match.lastgroup, match[0]
    start, end = match.span()
    if kind == "text":
        return Token("text", value[1:-1].replace(value[0] * 2, value[0]), start, end)
    if kind == "name":
        return Token("name", value[1:-1], start, end)
    if kind == "operator":
        return Token("operator", _SAME.get(value, value), start, end)
    if kind == "bracket":
        return Token("bracket", value, start, end)
    return Token("word" if number_of(value) is None else "number", value, start, end)


def _skip(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at
