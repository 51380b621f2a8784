"""Put runs in order.

Numbers come before text; NaN and then what is missing come last, whichever the direction.
"""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from gittrack.runs.values import number_of
from gittrack.search import fields
from gittrack.search.parser import TokenReader
from gittrack.search.syntax import Key, Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gittrack.runs.reading import StoredRun
    from gittrack.search.evaluate import Columns
    from gittrack.search.fields import Answer
    from gittrack.search.tokens import Role

_SortKey = tuple[int, float, str]


def parse_order(
    clauses: Sequence[str], subject: fields.Subject = fields.RUNS, *, role: Role = "sort key"
) -> list[Order]:
    """Read `entity.key [ASC|DESC]` clauses, each text one or several with commas between them.

    Args:
        role: what complaints call them.

    Raises:
        FilterError: one cannot be read.
    """
    return [order for clause in clauses for order in _parse(clause, subject, role)]


def places(columns: Columns, orders: Sequence[Order], chosen: Iterable[int]) -> list[int]:
    """Return the chosen places of the columns in that order.

    Among equals the newest run comes first, then the one whose id does.
    """
    starts, ids = columns(Key("attribute", "start_time")), columns(Key("attribute", "run_id"))
    found = sorted(chosen, key=lambda at: (-starts[at], ids[at]))  # type: ignore[operator]
    for order in reversed(orders):
        column = columns(order.key)
        keyed = [(_sort_key(order.key, column[at]), at) for at in found]
        present = [(key, at) for key, at in keyed if key is not None]
        present.sort(key=itemgetter(0), reverse=order.descending)
        last = [at for key, at in keyed if key is None]
        last.sort(key=lambda at: column[at] is None)
        found = [at for _, at in present] + last
    return found


def ordered(runs: Iterable[StoredRun], orders: Sequence[Order] = ()) -> list[StoredRun]:
    """Return runs in that order, see `places`."""
    given = list(runs)
    at = places(lambda key: [fields.answer(run, key) for run in given], orders, range(len(given)))
    return [given[index] for index in at]


def _parse(text: str, subject: fields.Subject, role: Role) -> list[Order]:
    reader = TokenReader(text, subject, role=role)
    orders: list[Order] = []
    while True:
        start = reader.next
        key = reader.key()
        if key.entity == "dataset" and role == "sort key":
            raise reader.wrong("datasets give no order, since a run can have several", at=start)
        orders.append(Order(key, reader.take_word("asc", "desc") == "desc"))
        if reader.at_end():
            return orders
        if not reader.take_bracket(","):
            raise reader.expected("asc, desc, a comma or the end")


def _sort_key(key: Key, answer: Answer) -> _SortKey | None:
    if answer is None or isinstance(answer, list) or answer != answer:  # noqa: PLR0124 - NaN
        return None
    if key.entity == "param" and isinstance(answer, str):
        number = number_of(answer)
        return (1, 0.0, answer) if number is None else (0, number, "")
    return (1, 0.0, answer) if isinstance(answer, str) else (0, answer, "")
