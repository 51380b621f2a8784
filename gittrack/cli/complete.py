"""What a shell completes: runs, experiments and metrics of the store that is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from gittrack.errors import GittrackError

if TYPE_CHECKING:
    from gittrack.runs.store import Store

_MOST = 200
# Zsh evaluates what it is offered, so that nothing is that could be more than a word to it.
_WORD = re.compile(r"[\w.,:+/=@%~-]+")
_HELP = re.compile(r"[\w .,:+/=@%~-]*")

Completion = list[tuple[str, str]]


def runs(context: typer.Context, incomplete: str) -> Completion:
    """Complete a run by its id, with its name as the help, or by its name."""
    from gittrack import search

    wanted = [search.Key("attribute", name) for name in ("run_id", "run_name")]
    with suppress(GittrackError, OSError):
        found = search.table(_store(context), wanted)
        ids, names = ([str(value) for value in found.columns[key]] for key in wanted)
        by_id = list(_fitting(zip(ids, names, strict=True), incomplete))
        return by_id or list(_fitting(zip(names, ids, strict=True), incomplete))
    return []


def experiments(context: typer.Context, incomplete: str) -> Completion:
    """Complete the name of an experiment."""
    with suppress(GittrackError, OSError):
        known = _store(context).experiments()
        return list(_fitting(((item.name, item.description) for item in known), incomplete))
    return []


def metrics(context: typer.Context, incomplete: str) -> Completion:
    """Complete the name of a metric."""
    return list(_fitting(((name, "") for name in _names(context, "metric")), incomplete))


def keys(context: typer.Context, incomplete: str) -> Completion:
    """Complete what can be sorted by or shown as a column."""
    from gittrack.search import fields

    named = [f"{kind}s.{name}" for kind in ("metric", "param") for name in _names(context, kind)]
    return list(_fitting(((name, "") for name in [*named, *fields.RUNS.attributes]), incomplete))


def _names(context: typer.Context, entity: str) -> list[str]:
    from gittrack import search

    with suppress(GittrackError, OSError):
        known = search.known_keys(_store(context))
        return sorted(key.name for key in known if key.entity == entity)
    return []


def _store(context: typer.Context) -> Store:
    from gittrack.runs.store import Store

    return Store.open(context.find_root().params.get("store"))


def _fitting(found: Iterable[tuple[str, str]], incomplete: str) -> Iterator[tuple[str, str]]:
    """Yield the first that begin so; what a shell could take for a command is left out."""
    count = 0
    for value, help_ in found:
        if value.startswith(incomplete) and _WORD.fullmatch(value):
            yield value, help_ if _HELP.fullmatch(help_) else ""
            count += 1
            if count == _MOST:
                return
