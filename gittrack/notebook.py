"""What notebooks show of runs and differences: tables in HTML, all text escaped."""

from __future__ import annotations

import html
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_MOST_ROWS = 100
_LONGEST = 200
_INFO = ("run_id", "run_name", "status", "start_time")
_SYSTEM = "mlflow."


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "") -> str:
    """Return a table as HTML; of many rows the first, and how many more there are."""
    head = "".join(f"<th>{_text(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(value)}</td>" for value in row) + "</tr>"
        for row in rows[:_MOST_ROWS]
    )
    more = len(rows) - _MOST_ROWS
    note = f"<p>{more} more</p>" if more > 0 else ""
    titled = f"<caption>{_text(caption)}</caption>" if caption else ""
    return f"<table>{titled}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}"


def run(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a run, as `Run.to_dictionary` gives it, with a row for each thing it has."""
    info = _info(entries)
    rows = [("run", name, value) for name, value in info.items()]
    for kind in ("metrics", "params", "tags"):
        rows += [(kind, name, value) for name, value in sorted(entries["data"][kind].items())]
    return table(["", "name", "value"], rows, caption=f"{info['run_name']}  {info['run_id']}")


def runs(listed: Iterable[Mapping[str, Mapping[str, Any]]]) -> str:
    """Return runs as a table with a row a run and a column for all that any of them has."""
    rows = []
    for entries in listed:
        row = _info(entries)
        for kind in ("metrics", "params", "tags"):
            row |= {
                f"{kind}.{name}": value
                for name, value in entries["data"][kind].items()
                if not name.startswith(_SYSTEM)
            }
        rows.append(row)
    names = [*_INFO, *sorted({name for row in rows for name in row} - {*_INFO})]
    return table(names, [[row.get(name, "") for name in names] for row in rows])


def difference(entries: Mapping[str, Any]) -> str:
    """Return a difference of two runs, as its `to_dict` gives it."""
    first, second = (
        f"{side['name']} {side['run_id']}" for side in (entries["first"], entries["second"])
    )
    rows = [
        (
            part,
            item.get("name") or item.get("path", ""),
            _side(item, "first"),
            _side(item, "second"),
        )
        for part, items in _lists(entries)
        for item in items
    ]
    return table(["", "name", first, second], rows)


def _lists(entries: Mapping[str, Any], name: str = "") -> list[tuple[str, list[Mapping[str, Any]]]]:
    found = []
    for key, value in entries.items():
        if isinstance(value, dict):
            found += _lists(value, key)
        elif isinstance(value, list) and key != "files":
            found.append((name if key == "entries" else key, value))
    return found


def _side(item: Mapping[str, Any], side: str) -> object:
    value = item.get(side, "")
    return f"{value['size']} bytes" if isinstance(value, dict) and "size" in value else value


def _info(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    info = {name: entries["info"][name] for name in _INFO}
    started = datetime.fromtimestamp(info["start_time"] / 1000, timezone.utc)
    return {**info, "start_time": f"{started:%Y-%m-%d %H:%M:%S} UTC"}


def _text(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return html.escape("".join(letter if letter.isprintable() else " " for letter in cut))
