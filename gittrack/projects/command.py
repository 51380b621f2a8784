"""The shell command of an entry point with its values, none of which is ever read as shell.

A value of harmless characters is put into the text as it is. Any other is assigned to a shell
variable first, and the command refers to that: what a shell expands it does not parse again. Quotes
that stand around a placeholder are respected, so that the program gets the value and nothing else.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING, NamedTuple

from gittrack.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What Linux takes as one argument of a program, and so as a script for `bash -c`.
MAX_SCRIPT = 128 * 1024 - 1

_SPECIAL_IN_QUOTES = re.compile(r'([\\"$`])')
_TRAILING = re.compile(r"(\s|\\\n)+\Z")


@dataclass(frozen=True)
class Command:
    """A command line: the script that a shell runs, and the same as a person would type it."""

    script: str
    shown: str


class Piece(NamedTuple):
    """A part of a command: literal text, or the name of a parameter."""

    text: str
    name: str | None = None


@dataclass
class _Quotes:
    """Follows the quotes of a command; `blanks` tells of each quotation whether it holds any."""

    open: str = ""
    blanks: list[bool] = field(default_factory=list)
    _escaped: bool = False
    _comment: bool = False
    _before: str = "\n"

    def feed(self, text: str) -> None:
        for character in text:
            if self._comment:
                self._comment = character != "\n"
            elif self._escaped:
                self._escaped = False
            elif character == "\\" and self.open != "'":
                self._escaped = True
            elif self.open:
                self._inside(character)
            else:
                self._outside(character)
            self._before = character

    def _inside(self, character: str) -> None:
        if character == self.open:
            self.open = ""
        elif character.isspace():
            self.blanks[-1] = True

    def _outside(self, character: str) -> None:
        if character in "'\"":
            self.open = character
            self.blanks.append(False)
        # Only at the beginning of a word does a comment begin.
        self._comment = character == "#" and self._before in " \t\n;&|("


def render(
    template: str,
    values: Mapping[str, str],
    extra: Mapping[str, str],
    *,
    where: str,
    recorded: Mapping[str, str] | None = None,
) -> Command:
    """Return a command with values for its `{name}`s, and `--name value` for each extra one.

    Args:
        where: file and entry point, for messages.
        recorded: other texts to show for some of the values.

    Raises:
        ProjectError: a placeholder names no parameter, a brace stands alone, or no program could be
            passed a value.
    """
    pieces = list(_pieces(_TRAILING.sub("", template), values, where))
    for name, value in {**values, **extra}.items():
        _check_value(name, value)
    for name in extra:
        pieces += [Piece(f" --{name} "), Piece("", name)]
    everything = {**values, **extra}
    displayed = {**everything, **(recorded or {})}
    script, shown, assigned = "", "", ""
    for index, (piece, quote, blank) in enumerate(_with_quotes(pieces)):
        if piece.name is None:
            script, shown = script + piece.text, shown + piece.text
            continue
        value = everything[piece.name]
        # What is quoted together with other words is most likely read by one more shell.
        again = shlex.quote if quote and blank else str
        shown += _quoted(again(displayed[piece.name]), quote)
        if shlex.quote(value) == value:
            script += value
        else:
            variable = f"gittrack_{index}"
            assigned += f"{variable}={shlex.quote(again(value))}\n"
            script += {"": f'"${{{variable}}}"', '"': f"${{{variable}}}"}.get(
                quote, f"'\"${{{variable}}}\"'"
            )
    script = assigned + script
    if len(os.fsencode(script)) > MAX_SCRIPT:
        raise ProjectError(
            f"{where}: the command with its values is longer than {MAX_SCRIPT} bytes",
            hint="put the longest value into a file and pass its path",
        )
    return Command(script, shown)


def _pieces(template: str, values: Mapping[str, str], where: str) -> Iterator[Piece]:
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise ProjectError(
            f"{where}: a brace in the command stands alone ({error})",
            hint="write {{ and }} for braces that stay",
        ) from None
    for text, name, spec, conversion in parsed:
        yield Piece(text)
        if name is None:
            continue
        if name not in values or spec or conversion:
            whole = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise ProjectError(
                f"{where}: {{{whole}}} in the command is none of its parameters",
                hint=f"declare it under parameters, or write {{{{{whole}}}}} for braces that stay",
            )
        yield Piece("", name)


def _with_quotes(pieces: list[Piece]) -> list[tuple[Piece, str, bool]]:
    quotes = _Quotes()
    seen: list[tuple[Piece, str, int]] = []
    for piece in pieces:
        quotes.feed(piece.text)
        seen.append((piece, quotes.open, len(quotes.blanks) - 1))
    return [(piece, quote, bool(quote) and quotes.blanks[index]) for piece, quote, index in seen]


def _quoted(value: str, quote: str) -> str:
    if quote == '"':
        return _SPECIAL_IN_QUOTES.sub(r"\\\1", value)
    return value.replace("'", "'\\''") if quote else shlex.quote(value)


def _check_value(name: str, value: str) -> None:
    try:
        encoded = os.fsencode(value)
    except UnicodeEncodeError:
        encoded = b"\0"
    if b"\0" in encoded:
        raise ProjectError(
            f"the value of parameter {name!r} holds a character that no program can be passed",
            hint="leave out its NUL or lone surrogate",
        )
