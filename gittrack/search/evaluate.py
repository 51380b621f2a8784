"""Tell which runs a filter fits.

Runs are looked at as columns: for each key, what they have under it, one after the other. A clause
about a key that a run does not have is false, also with `!=` and `not in`; only `is null` is true
then. Compared with a number, a param that is no number behaves like NaN: it is unequal to it, and
nothing else.
"""

from __future__ import annotations

import math
import operator as operators
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gittrack.runs.values import number_of, param_text
from gittrack.search import fields
from gittrack.search.fields import Answer
from gittrack.search.syntax import All, Comparison, Either, Key, Like, Member, Missing, Node, Not

if TYPE_CHECKING:
    from gittrack.runs.reading import StoredRun

Columns = Callable[[Key], Sequence[Answer]]
Test = Callable[[Any], bool]

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


def fitting(node: Node, columns: Columns, *, count: int) -> list[bool]:
    """Return of each of `count` runs whether the filter fits it."""
    if isinstance(node, Not):
        return [not fits for fits in fitting(node.term, columns, count=count)]
    if isinstance(node, (All, Either)):
        terms = [fitting(term, columns, count=count) for term in node.terms]
        joined = all if isinstance(node, All) else any
        return [joined(fits) for fits in zip(*terms, strict=True)] if terms else [True] * count
    column = columns(node.key)
    if isinstance(node, Missing):
        return [(answer is not None) == node.negated for answer in column]
    test = _test(node)
    return [
        answer is not None and (any(map(test, answer)) if type(answer) is list else test(answer))
        for answer in column
    ]


def matcher(node: Node) -> Callable[[StoredRun], bool]:
    """Return the function that tells whether a run fits."""
    return lambda run: fitting(node, lambda key: [fields.answer(run, key)], count=1)[0]


def _test(node: Comparison | Like | Member) -> Test:
    """Return the test of one value that a run has under the clause's key."""
    is_param = node.key.entity == "param"
    if isinstance(node, Like):
        pattern, negated = _pattern(node), node.negated
        return lambda found: (pattern.fullmatch(param_text(found)) is not None) != negated
    if isinstance(node, Member):
        return _is_member(node)
    compare, value = _OPERATORS[node.operator], _cased(node.key, node.value)
    if is_param and isinstance(value, str):
        return lambda found: compare(param_text(found), value)
    if is_param:
        return lambda found: compare(_number(found), value)
    return lambda found: compare(found, value)


def _is_member(node: Member) -> Test:
    wanted, negated = {_cased(node.key, value) for value in node.values}, node.negated
    if node.key.entity != "param":
        return lambda found: (found in wanted) != negated
    if all(isinstance(value, str) for value in wanted):
        return lambda found: (param_text(found) in wanted) != negated
    # `params.x in (1, 'auto')`: the number if that is listed, else the text.
    return lambda found: (_number(found) in wanted or param_text(found) in wanted) != negated


def _number(found: str | float) -> float:
    number = number_of(found)
    return math.nan if number is None else number


def _cased(key: Key, value: str | float) -> str | float:
    is_status = key == Key("attribute", "status")
    return value.upper() if is_status and isinstance(value, str) else value


def _pattern(node: Like) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    text = "".join(parts.get(letter) or re.escape(letter) for letter in node.pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if node.ignore_case else 0))
