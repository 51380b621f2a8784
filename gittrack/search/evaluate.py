"""Tell which runs a filter fits.

A clause about a key that a run does not have is false, also with `!=` and `not in`; only
`is null` is true then. Compared with a number, a param that is no number behaves like NaN: it is
unequal to it, and nothing else.
"""

from __future__ import annotations

import math
import operator as operators
import re
from collections.abc import Callable, Mapping
from typing import Any

from gittrack.runs.reading import StoredRun
from gittrack.runs.values import number_of, param_text
from gittrack.search import fields
from gittrack.search.syntax import All, Comparison, Either, Key, Like, Member, Missing, Node, Not

Predicate = Callable[[StoredRun], bool]
Test = Callable[[Any], bool]

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


def matcher(node: Node) -> Predicate:
    """Return the function that tells whether a run fits."""
    if isinstance(node, Not):
        term = matcher(node.term)
        return lambda run: not term(run)
    if isinstance(node, (All, Either)):
        joined = all if isinstance(node, All) else any
        terms = [matcher(item) for item in node.terms]
        return lambda run: joined(fits(run) for fits in terms)
    if isinstance(node, Missing):
        key, wanted = node.key, node.negated
        return lambda run: bool(_texts(run, key)) == wanted
    return _clause(node)


def _clause(node: Comparison | Like | Member) -> Predicate:
    key, values = node.key, _values_of(node)
    if isinstance(node, Comparison):
        compare, value = _OPERATORS[node.operator], _cased(key, node.value)
        return lambda run: any(compare(found, value) for found in values(run, key))
    if isinstance(node, Member):
        wanted, member_negated = {_cased(key, value) for value in node.values}, node.negated
        return lambda run: any((found in wanted) != member_negated for found in values(run, key))
    pattern, negated = _pattern(node), node.negated
    return lambda run: any(
        (pattern.fullmatch(str(found)) is not None) != negated for found in values(run, key)
    )


def _values_of(node: Comparison | Like | Member) -> Callable[[StoredRun, Key], list[Any]]:
    if isinstance(node, Like):
        return _texts
    if isinstance(node, Comparison):
        return _texts if isinstance(node.value, str) else _numbers
    if all(isinstance(value, str) for value in node.values):
        return _texts
    if any(isinstance(value, str) for value in node.values):
        return lambda run, key: _either(run, key, node.values)
    return _numbers


def _texts(run: StoredRun, key: Key) -> list[Any]:
    """Return the values a run has under a key, params as text; datasets can have several."""
    if key.entity == "dataset":
        return list(fields.dataset_values(run, key))
    if key.entity == "param":
        present, value = fields.param(run, key)
        return [param_text(value)] if present else []
    answer = fields.text_or_number(run, key)
    return [] if answer is None else [answer]


def _numbers(run: StoredRun, key: Key) -> list[Any]:
    if key.entity != "param":
        return _texts(run, key)
    present, value = fields.param(run, key)
    number = number_of(value)
    return [math.nan if number is None else number] if present else []


def _either(run: StoredRun, key: Key, values: tuple[str | float, ...]) -> list[Any]:
    # `params.x in (1, 'auto')`: the number if that is listed, else the text.
    numbers = _numbers(run, key)
    return numbers if numbers and numbers[0] in values else _texts(run, key)


def _cased(key: Key, value: str | float) -> str | float:
    is_status = key == Key("attribute", "status")
    return value.upper() if is_status and isinstance(value, str) else value


def _pattern(node: Like) -> re.Pattern[str]:
    parts = {"%": ".*", "_": "."}
    text = "".join(parts.get(letter) or re.escape(letter) for letter in node.pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if node.ignore_case else 0))
