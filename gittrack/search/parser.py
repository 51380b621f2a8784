"""Read a filter.

    filter := [either ["and"]]
    either := all ("or" all)*
    all    := term ("and" term)*
    term   := "not" term | "(" either ")" | clause
    clause := key operator value | key ["not"] ("like" | "ilike") text
            | key ["not"] "in" "(" value ("," value)* ")" | key "is" ["not"] "null"
    key    := entity "." name | attribute       a name may stand in backticks or double quotes

Words are understood in upper and lower case.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, cast

from gittrack.runs.values import number_of
from gittrack.search import fields
from gittrack.search.syntax import (
    All,
    Comparison,
    Either,
    Key,
    Like,
    Member,
    Missing,
    Node,
    Not,
    Operator,
)
from gittrack.search.tokens import Role, Token, complaint, cut, tokenize

if TYPE_CHECKING:
    from gittrack.errors import FilterError

_DEEPEST = 50
_KEYWORDS = ("and", "or", "not", "in", "like", "ilike", "is")


def parse_filter(text: str, subject: fields.Subject = fields.RUNS) -> Node:
    """Read a filter; an empty one fits everything.

    Raises:
        FilterError: it cannot be read; the message shows where.
    """
    return _Parser(text, subject).filter()


class TokenReader:
    """Tokens one after the other, and what is said when one does not fit."""

    def __init__(
        self, text: str, subject: fields.Subject = fields.RUNS, *, role: Role = "filter"
    ) -> None:
        self.text = text
        self.subject = subject
        self._role: Role = role
        self._tokens = tokenize(text, role=role)
        self._at = 0

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._at]

    def at_end(self) -> bool:
        """Tell whether all has been read."""
        return self.next.kind == "end"

    def take(self) -> Token:
        """Return the next token and go on."""
        token = self.next
        self._at += token.kind != "end"
        return token

    def take_word(self, *words: str) -> str:
        """Go on if the next token is one of these words; return it in lower case, else ""."""
        if self.next.kind == "word" and self.next.value.lower() in words:
            return self.take().value.lower()
        return ""

    def take_bracket(self, bracket: str) -> bool:
        """Go on if the next token is this bracket or comma."""
        found = self.next.kind == "bracket" and self.next.value == bracket
        if found:
            self.take()
        return found

    def wrong(self, what: str, *, at: Token | None = None, hint: str = "") -> FilterError:
        """Return a complaint about a token, by default the next."""
        start = (at or self.next).start
        return complaint(self.text, start, what, hint=hint, role=self._role)

    def expected(self, what: str, *, hint: str = "") -> FilterError:
        """Return the complaint that something else stands where `what` should."""
        token = self.next
        text = cut(self.text[token.start : token.end])
        found = text if token.kind in ("text", "end") else repr(text)
        return self.wrong(f"expected {what}, found {found or 'the end'}", hint=hint)

    def key(self) -> Key:
        """Read what a clause looks at."""
        token = self.next
        if self._is_quoted_name(token):
            return self._attribute(self.take(), token.value)
        if token.kind != "word" or token.value.lower() in _KEYWORDS:
            raise self.expected("a key such as metrics.acc, params.alpha or start_time")
        self.take()
        prefix, dot, name = token.value.partition(".")
        entity = fields.ENTITIES.get(prefix.lower())
        if entity is None:
            return self._attribute(token, token.value, dotted=bool(dot))
        if entity not in self.subject.entities:
            raise self.wrong(f"{self.subject.noun} have no {prefix}", at=token)
        if not dot:
            raise self.wrong(
                f"{prefix!r} needs the name of one", at=token, hint=f"such as {prefix}.name"
            )
        if not name:
            name = self._quoted_name(token)
        if entity == "attribute":
            return self._attribute(token, name)
        if entity == "dataset" and name not in fields.DATASET_KEYS:
            hint = f"they have {', '.join(fields.DATASET_KEYS)}"
            raise self.wrong(f"datasets have no {cut(name)!r}", at=token, hint=hint)
        return Key(entity, name)

    def _is_quoted_name(self, token: Token) -> bool:
        return token.kind == "name" or (token.kind == "text" and self.text[token.start] == '"')

    def _quoted_name(self, before: Token) -> str:
        token = self.next
        if token.kind not in ("text", "name") or token.start != before.end or not token.value:
            raise self.expected(f"a name right after {before.value!r}")
        return self.take().value

    def _attribute(self, token: Token, name: str, *, dotted: bool = False) -> Key:
        if (known := self.subject.attribute(name)) is not None:
            return Key("attribute", known)
        if dotted:
            prefix, _, rest = name.partition(".")
            close = fields.nearest(prefix, fields.ENTITIES)
            hint = f"did you mean {close}.{cut(rest)}?" if close else "use metrics, params or tags"
            raise self.wrong(f"{cut(prefix)!r} is no kind of entry", at=token, hint=hint)
        close = fields.nearest(name, self.subject.names())
        short = cut(name)
        if not close or (self._role != "filter" and close in fields.ENTITIES):
            hint = f"write metrics.{short} or params.{short}"
        else:
            hint = f"did you mean {close}?"
        raise self.wrong(f"{self.subject.noun} have no {short!r}", at=token, hint=hint)


class _Parser(TokenReader):
    def __init__(self, text: str, subject: fields.Subject) -> None:
        super().__init__(text, subject)
        self._depth = 0

    def filter(self) -> Node:
        if self.at_end():
            return All(())
        node = self._either()
        if not self.at_end():
            raise self.expected("and, or, or the end")
        return node

    def _either(self) -> Node:
        terms = [self._all()]
        while self.take_word("or"):
            terms.append(self._all())
        return terms[0] if len(terms) == 1 else Either(tuple(terms))

    def _all(self) -> Node:
        terms = [self._term()]
        # MLflow lets a filter end in "and"; filters that are put together by programs do.
        while self.take_word("and") and not self.at_end():
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else All(tuple(terms))

    def _term(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.wrong(f"nested deeper than {_DEEPEST}", hint="take some brackets away")
        try:
            if self.take_word("not"):
                return Not(self._term())
            if self.take_bracket("("):
                node = self._either()
                if not self.take_bracket(")"):
                    raise self.expected("and, or, or )")
                return node
            return self._clause()
        finally:
            self._depth -= 1

    def _clause(self) -> Node:
        key = self.key()
        if self.next.kind == "operator":
            operator = self.take()
            value = self._value(key, operator)
            return Comparison(key, cast("Operator", operator.value), value)
        if self.take_word("is"):
            negated = bool(self.take_word("not"))
            if not self.take_word("null"):
                raise self.expected("null" if negated else "null or not null")
            return Missing(key, negated)
        negated = bool(self.take_word("not"))
        if word := self.take_word("like", "ilike"):
            return Like(key, self._pattern(key), word == "ilike", negated)
        if self.take_word("in"):
            return Member(key, self._list(key), negated)
        raise self.expected("in or like" if negated else "an operator such as = != < > like in is")

    def _pattern(self, key: Key) -> str:
        if key.entity == "metric" or _is_time(key):
            raise self.wrong(f"{key.name} is a number, which is like no text")
        if self.next.kind != "text":
            raise self.expected("a quoted text")
        return self.take().value

    def _list(self, key: Key) -> tuple[str | float, ...]:
        if not self.take_bracket("("):
            raise self.expected("( and a list")
        values = [self._value(key)]
        while self.take_bracket(",") and not self._closes():  # MLflow takes ('a',) too
            values.append(self._value(key))
        if not self.take_bracket(")"):
            raise self.expected(", or )")
        return tuple(values)

    def _closes(self) -> bool:
        return self.next.kind == "bracket" and self.next.value == ")"

    def _value(self, key: Key, operator: Token | None = None) -> str | float:
        """Read a value of the type that the key has: quoted is text, bare is a number."""
        if key.entity == "metric" or _is_time(key):
            return self._number(time=_is_time(key))
        if key.entity == "param" and self.next.kind == "number":
            return self._number(time=False)
        if operator is not None and operator.value not in ("=", "!="):
            raise self._no_order(key, operator)
        return self._quoted_text(key)

    def _no_order(self, key: Key, operator: Token) -> FilterError:
        if key.entity != "param":
            what = f"{key.name} is text, which {operator.value} does not compare"
            return self.wrong(what, at=operator)
        hint = ""
        if _is_quoted_number(self.next):
            bare = f"params.{key.name} {operator.value} {self.next.value.strip()}"
            hint = f"compare numbers without quotes: {bare}"
        return self.expected("a number", hint=hint)

    def _quoted_text(self, key: Key) -> str:
        token = self.next
        if token.kind != "text":
            what = "a number or a quoted text" if key.entity == "param" else "a quoted text"
            quotable = token.kind in ("word", "number", "name")
            raise self.expected(what, hint=f"put it in quotes: '{token.value}'" if quotable else "")
        return self.take().value

    def _number(self, *, time: bool) -> float:
        token = self.next
        if token.kind == "number":
            return float(self.take().value)
        if time and token.kind == "text":
            return self._time()
        hint = f"without quotes: {token.value.strip()}" if _is_quoted_number(token) else ""
        raise self.expected(
            "a time: ms since 1970, or '2026-11-23'" if time else "a number", hint=hint
        )

    def _time(self) -> float:
        token = self.next
        try:
            moment = datetime.fromisoformat(token.value.strip().replace("Z", "+00:00"))
            seconds = moment.astimezone().timestamp()
        except (ValueError, OverflowError, OSError):
            hint = "such as '2026-11-23' or '2026-11-23 17:30'"
            raise self.wrong(f"{cut(token.value)!r} is no time", hint=hint) from None
        self.take()
        return round(seconds * 1000)


def _is_quoted_number(token: Token) -> bool:
    return token.kind == "text" and number_of(token.value.strip()) is not None


def _is_time(key: Key) -> bool:
    return key.entity == "attribute" and key.name in fields.TIMES
