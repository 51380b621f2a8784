"""Put runs in order.

Numbers come before text; what is missing or NaN comes last, whichever the direction.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gittrack.runs.values import number_of, param_text
from gittrack.search import fields
from gittrack.search.parser import TokenReader
from gittrack.search.syntax import Key, Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gittrack.runs.reading import StoredRun

_SortKey = tuple[int, float, str]


def parse_order(clauses: Sequence[str], subject: fields.Subject = fields.RUNS) -> list[Order]:
    """Read `entity.key [ASC|DESC]` clauses, each text one or several with commas between them.

    Raises:
        FilterError: one cannot be read.
    """
    return [order for clause in clauses for order in _parse(clause, subject)]


def ordered(runs: Iterable[StoredRun], orders: Sequence[Order] = ()) -> list[StoredRun]:
    """Return the runs in that order; among equals the newest first, then by id."""
    found = sorted(runs, key=lambda run: (-run.record.start_time, run.run_id))
    for order in reversed(orders):
        keyed = [(_sort_key(run, order.key), run) for run in found]
        present = [(key, run) for key, run in keyed if key is not None]
        present.sort(key=lambda pair: pair[0], reverse=order.descending)
        found = [run for _, run in present] + [run for key, run in keyed if key is None]
    return found


def _parse(text: str, subject: fields.Subject) -> list[Order]:
    reader = TokenReader(text, subject, role="sort key")
    orders: list[Order] = []
    while True:
        start = reader.next
        key = reader.key()
        if key.entity == "dataset":
            raise reader.wrong("datasets give no order, since a run can have several", at=start)
        orders.append(Order(key, reader.take_word("asc", "desc") == "desc"))
        if reader.at_end():
            return orders
        if not reader.take_bracket(","):
            raise reader.expected("asc, desc, a comma or the end")


def _sort_key(run: StoredRun, key: Key) -> _SortKey | None:
    if key.entity == "param":
        _, value = fields.param(run, key)
        if value is None:
            return None
        number = number_of(value)
        return (1, 0.0, param_text(value)) if number is None else (0, number, "")
    answer = fields.text_or_number(run, key)
    if answer is None or (isinstance(answer, float) and math.isnan(answer)):
        return None
    return (1, 0.0, answer) if isinstance(answer, str) else (0, answer, "")
