"""The index: chunks of runs in an SQLite file of this machine's cache, so that search is fast.

It may be deleted at any time, and is never believed without a look at the stamps. What goes wrong
with it is a `sqlite3.Error`, and whoever uses it goes on without.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from gittrack import settings
from gittrack.search.chunks import Chunk, Entry
from gittrack.search.syntax import Key
from gittrack.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FILE = "index.sqlite3"
# Goes up with every change of what chunks hold.
LAYOUT = f"{VERSION} 1"
_WAIT_SECONDS = 0.5
_TABLES = """
    CREATE TABLE layout (words TEXT);
    CREATE TABLE chunk (number INTEGER PRIMARY KEY, experiment TEXT, runs TEXT, stamps BLOB);
    CREATE TABLE filled (
        number INTEGER, entity TEXT, name TEXT, answers TEXT, PRIMARY KEY (number, entity, name)
    ) WITHOUT ROWID;
"""


def path_of(store: Path) -> Path:
    """Return where the index of a store lies."""
    digest = hashlib.sha256(os.fsencode(os.path.realpath(store))).hexdigest()[:16]
    return settings.cache_folder() / digest / FILE


class Index:
    """An open index. All that one search sees is of one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def chunks(self) -> list[Chunk]:
        """Return all chunks, their columns not loaded."""
        found = self._connection.execute("SELECT number, experiment, runs, stamps FROM chunk")
        return [
            Chunk(number, _read(experiment), _entries(runs, stamps), {})
            for number, experiment, runs, stamps in found
        ]

    def column(self, key: Key) -> dict[int, str]:
        """Return a column of every chunk that has it, by the chunk's number."""
        found = self._connection.execute(
            "SELECT chunk.number, answers FROM chunk CROSS JOIN filled"
            " ON filled.number = chunk.number AND entity = ? AND name = ?",
            (key.entity, _written(key.name)),
        )
        return dict(found.fetchall())

    def columns(self, number: int) -> dict[Key, str]:
        """Return all columns of a chunk."""
        found = self._connection.execute(
            "SELECT entity, name, answers FROM filled WHERE number = ?", (number,)
        )
        return {Key(entity, _read(name)): answers for entity, name, answers in found}

    def keys(self) -> dict[int, set[Key]]:
        """Return the keys of each chunk's columns, by the chunk's number."""
        found: dict[int, set[Key]] = {}
        for number, entity, name in self._connection.execute(
            "SELECT number, entity, name FROM filled"
        ):
            found.setdefault(number, set()).add(Key(entity, _read(name)))
        return found

    def replace(self, gone: Iterable[int], chunks: Iterable[Chunk]) -> None:
        """Put chunks into the place of others.

        Raises:
            sqlite3.Error: the file cannot be written, or another process does so now.
        """
        numbers = [(number,) for number in gone]
        with self._connection as change:
            change.executemany("DELETE FROM chunk WHERE number = ?", numbers)
            change.executemany("DELETE FROM filled WHERE number = ?", numbers)
            for chunk in chunks:
                cursor = change.execute(
                    "INSERT INTO chunk (experiment, runs, stamps) VALUES (?, ?, ?)",
                    (_written(chunk.experiment), *_told(chunk.entries)),
                )
                change.executemany(
                    "INSERT INTO filled VALUES (?, ?, ?, ?)",
                    [
                        (cursor.lastrowid, key.entity, _written(key.name), text)
                        for key, text in chunk.columns.items()
                    ],
                )


@contextmanager
def opened(store: Path) -> Iterator[Index]:
    """Open the index of a store, made where there is none.

    Raises:
        sqlite3.Error: it cannot be used.
    """
    path = path_of(store)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise sqlite3.OperationalError(str(error)) from None
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        if not _is_ours(connection):
            _make(connection)
        connection.execute("BEGIN")
        yield Index(connection)
    except (sqlite3.DatabaseError, ValueError, UnicodeError) as error:
        connection.close()
        if not isinstance(error, sqlite3.OperationalError):  # damaged, not only busy or forbidden
            with suppress(OSError):
                path.unlink()
        raise sqlite3.OperationalError(str(error)) from error
    finally:
        connection.close()


def _is_ours(connection: sqlite3.Connection) -> bool:
    try:
        return connection.execute("SELECT words FROM layout").fetchall() == [(LAYOUT,)]
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return False
        raise


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN EXCLUSIVE")
    if not _is_ours(connection):
        for table in ("layout", "chunk", "filled"):
            connection.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO layout VALUES (?)", (LAYOUT,))
    connection.execute("COMMIT")


def _told(entries: Iterable[Entry]) -> tuple[str, bytes]:
    listed = list(entries)
    runs = [[entry.name, len(entry.stamp), *entry.files] for entry in listed]
    return json.dumps(runs, separators=(",", ":")), b"".join(entry.stamp for entry in listed)


def _entries(runs: str, stamps: bytes) -> list[Entry]:
    found = []
    at = 0
    for name, length, *files in json.loads(runs):
        found.append(Entry(name, tuple(files), stamps[at : at + length]))
        at += length
    return found


def _written(name: str) -> str:
    """Return a name as SQLite can keep it, whatever is in it."""
    return name if name.isascii() and "\\" not in name else json.dumps(name)


def _read(name: str) -> str:
    return str(json.loads(name)) if name.startswith('"') and "\\" in name else name
