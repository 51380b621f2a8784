"""The shell command of an entry point with its values, none of which is ever read as shell.

A value of harmless characters is put into the text as it is. Any other is assigned to a shell
variable first, and the command refers to that: what a shell expands it does not parse again. Quotes
that stand around a placeholder are respected, so that the program gets the value and nothing else.
Where the text around a placeholder is most likely read once more, by a second shell, no quoting
would hold, and only harmless values are taken.
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
_SEPARATORS = " \t\n;&|()<>"
# Text that is read once more: here-documents, backquotes, arithmetic, and what evaluates words.
_EVALUATES = re.compile(r"(?<!<)<<(?!<)|`|\(\(|\[\[")
_START = r"(?<![^\s;&|(/])"
_SHELL = rf"{_START}(?:(?:ba|da|z|k)?sh|python[\d.]*|pypy[\d.]*)(?:\s+-[WXo]\s+[^\s-]\S*|\s+-\S+)*"
_OTHER = rf"{_START}(?:perl|ruby|node|lua|Rscript|php)[\d.]*(?:\s+-\S+)*"
_TAKES_NAMES = (
    rf"{_START}(?:declare|typeset|local|readonly|unset|trap|read|mapfile|readarray|getopts)"
)
# Words, less their quotes, after which text up to the end is program text, arithmetic or a name.
_READ_ONCE_MORE = re.compile(
    "|".join([
        rf"{_START}(?:eval|let|(?:declare|typeset|local)\s+-\w*i\w*)\s",
        rf"{_SHELL}\s+-\w*c(?:\s+-\S+)*\s*\S*$",
        rf"{_OTHER}\s+(?:-\w*[eEpr]|--eval)[\s=]*\S*$",
        rf"{_TAKES_NAMES}\s(?:[^;&|<\n]*\s)?[^\s=;&|<]*$",
        rf"{_START}(?:test|\[)\s(?:[^;&|\n]*\s)?-[vR]\s+\S*$",
        rf"{_START}printf\s+-v\s*\S*$",
        r"\w\[[^\]\n]*$",
        r"\$\[[^\]]*$",
        r"\$\{[^}]*:(?![-+=?])[^}]*$",
    ])
)  # fmt: skip
# Programs that read their commands from what is printed or passed to them anywhere before.
_READS_COMMANDS = re.compile(
    rf"\|&?\s*(?:\S+/)?{_SHELL}(?:\s+-)?\s*(?:$|[;&|)>\n]|\s-\w*s\w*\s)"
    rf"|(?:{_SHELL}|{_START}(?:source|\.))(?:\s+/dev/\S+)?\s*<[<(]"
)
_ASSIGNMENT = re.compile(
    r"(?:^|[\n;&|({]|\b(?:then|do|else)\s)\s*(?:\w+=\S*\s+)*"
    r"(?:(?:export|readonly|declare|typeset|local)\s+)?\w+\+?=\S*$"
)
_COMPUTES = re.compile(
    rf"\(\(|\$\[|\[\[|{_START}(?:eval\s|let\s|(?:declare|typeset|local)\s+-\w*i)"
)


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
class _Words:
    """Follows the quotes and words of a command.

    Attributes:
        open: the quotation it is in, "" outside of any.
        text: what was read, less its quotes, with "_" for what quotes keep from the shell.
        nested: of each word, whether it holds blanks or quotes as text: a command in a command.
    """

    open: str = ""
    text: str = ""
    nested: list[bool] = field(default_factory=lambda: [False])
    _bare: str = "\n"
    _escaped: bool = False
    _comment: bool = False

    @property
    def evaluates(self) -> bool:
        """Tell whether what follows may be read once more, wherever it stands."""
        return bool(_EVALUATES.search(self._bare) or _READ_ONCE_MORE.search(self.text))

    def feed_value(self) -> None:
        self.nested[-1] |= self._escaped  # no quote could be put there
        self.feed("x")

    def feed(self, text: str) -> None:
        for character in text:
            if self._comment and character != "\n":
                continue
            if self._escaped:
                self._escaped = False
                if character != "\n":  # which is escaped to go on in the next line
                    self._literal(character, kept=True)
                    self._bare += "x"
            elif character == "\\" and self.open != "'":
                self._escaped = True
            elif not self.open:
                self._outside(character)
            elif character == self.open[-1]:
                self.open = ""
            else:
                self._literal(character, kept=self.open != '"')

    def _outside(self, character: str) -> None:
        # Only at the beginning of a word does a comment begin.
        self._comment = character == "#" and self._bare[-1] in _SEPARATORS
        if character in "'\"":
            ansi = character == "'" and self._bare[-1] == "$"
            self.open = "$'" if ansi else character
            self.nested[-1] |= ansi  # its backslashes may stand for blanks
        elif character in _SEPARATORS:
            self.nested.append(False)
            self.text += character
        else:
            self._literal(character)
        self._bare += character

    def _literal(self, character: str, *, kept: bool = False) -> None:
        self.nested[-1] |= character.isspace() or character in ("'", '"')
        if self.open == '"' and not kept:  # where a shell still runs and computes
            self.nested[-1] |= character == "`" or (character == "(" and self.text[-1:] == "$")
            kept = character.isspace() or character in ";&|<>"
        is_plain = character.isalnum() or character in "./=+-[]"
        self.text += character if is_plain or not kept else "_"


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
        ProjectError: a placeholder names no parameter, a brace stands alone, no program could be
            passed a value, or a value could start a command where it stands.
    """
    pieces = list(_pieces(_TRAILING.sub("", template), values, where))
    for name, value in {**values, **extra}.items():
        _check_value(name, value)
    for name in extra:
        pieces += [Piece(f" --{name} "), Piece("", name)]
    everything = {**values, **extra}
    displayed = {**everything, **(recorded or {})}
    script, shown, assigned = "", "", ""
    for index, (piece, quote, nested) in enumerate(_with_quotes(pieces)):
        if piece.name is None:
            script, shown = script + piece.text, shown + piece.text
            continue
        value = everything[piece.name]
        shown += _quoted(displayed[piece.name], quote)
        if shlex.quote(value) == value:
            script += value
        elif nested:
            raise _not_harmless(where, piece.name, value)
        else:
            variable = f"gittrack_{index}"
            assigned += f"{variable}={shlex.quote(value)}\n"
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
    if "\0" in template:
        raise ProjectError(
            f"{where}: the command holds a NUL, which no program can be passed", hint="leave it out"
        )
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
    words = _Words()
    seen: list[tuple[Piece, str, int, bool]] = []
    assigns: list[bool] = []
    for piece in pieces:
        words.feed(piece.text) if piece.name is None else words.feed_value()
        assigns.append(bool(_ASSIGNMENT.search(words.text)))
        seen.append((piece, words.open, len(words.nested) - 1, words.evaluates))
    reads, computes = _READS_COMMANDS.search(words.text), _COMPUTES.search(words.text)
    return [
        (piece, quote, words.nested[word] or evaluated or bool(reads or (assigned and computes)))
        for (piece, quote, word, evaluated), assigned in zip(seen, assigns, strict=True)
    ]


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


def _not_harmless(where: str, name: str, value: str) -> ProjectError:
    return ProjectError(
        f"{where}: parameter {name!r} stands inside a command that is read once more, where "
        f"{value!r:.200} could start another",
        hint="let the command pass it as an argument of its own, such as "
        f"bash -c 'echo \"$1\"' _ {{{name}}}",
    )
