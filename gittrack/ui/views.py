"""What a reader looks at: the working tree, or a revision of the repository."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from gittrack.errors import ToolError
from gittrack.git import objects
from gittrack.runs import revisions
from gittrack.ui import answers, data
from gittrack.ui.curves import Curves
from gittrack.ui.source import LiveRuns, RevisionRuns, Runs

if TYPE_CHECKING:
    from gittrack.runs.store import Store

_MOST_KEPT = 3
_MOST_NAMED = 200


class View:
    """Some runs, and their curves as far as they have been read."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.curves = Curves()
        self._everything = (-1, "")

    def everything(self) -> str:
        """Return all runs as columns in JSON; made again only when one has changed."""
        version, text = self._everything
        if self.runs.changes(since=max(version, 0)).version != version:
            made = data.runs(self.runs)
            version, text = self._everything = made["version"], answers.to_text(made)
        return text


class Views:
    """The working tree, and the revisions that were looked at last."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.live = LiveRuns(store)
        self._working = View(self.live)
        self._kept: dict[str, View] = {}
        self._lock = threading.Lock()

    def at(self, revision: str) -> View:
        """Return the view of a revision; "" is the working tree.

        Raises:
            NotFoundError: there is no such revision, or it has no runs.
            ToolError: the store is in no repository.
        """
        if not revision:
            return self._working
        folder = objects.repository(self.store.root).folder
        commit = objects.commit_of(revision, cwd=folder)
        with self._lock:
            if commit not in self._kept:
                view = View(RevisionRuns(revisions.at(self.store, revision)))
                self._kept[commit] = view
                while len(self._kept) > _MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
            return self._kept[commit]

    def revisions(self) -> tuple[str, ...]:
        """Return the names of the branches; none where there is no repository."""
        try:
            folder = objects.repository(self.store.root).folder
            return tuple(objects.branches(cwd=folder))[:_MOST_NAMED]
        except ToolError:
            return ()
