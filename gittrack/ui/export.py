"""The pages as a folder of files, for any static host and for a look from the disk.

DIR/index.html  compare.html  models.html  run/ID.html  model/NAME.html  preview/ID/PATH/index.html
DIR/data/…js    what a server would answer, as scripts: a page opened from disk may fetch nothing
DIR/artifact/ID/PATH  file/ID/NAME.txt  static/…
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING, Any

from gittrack import paths
from gittrack.errors import NotFoundError, UsageError
from gittrack.models.folder import filled
from gittrack.ui import answers, artifactview, assets, data, modelpage, pages, runpage
from gittrack.ui.curves import Curves
from gittrack.ui.pages import Site
from gittrack.ui.source import Changes, Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gittrack.files import Problem
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store

MOST_ARTIFACT = 50_000_000
_MARK = "data/runs.js"


@dataclass(frozen=True)
class Exported:
    """What became of an export: where it is, how many runs, and the artifacts it left out."""

    folder: Path
    runs: int
    left_out: tuple[str, ...]


class ChosenRuns(Runs):
    """Some runs, as if there were no others."""

    def __init__(self, store: Store, runs: Sequence[StoredRun]) -> None:
        self.store = store
        held = {run.experiment_id for run in runs}
        self.experiments = [
            item for item in store.experiments(deleted=True) if item.experiment_id in held
        ]
        self._runs = list(runs)

    def changes(self, since: int = 0) -> Changes:
        """Return all of them."""
        return Changes(1, [] if since else self._runs, [])

    def problems(self) -> list[Problem]:
        """Return what could not be read of them."""
        return [problem for run in self._runs for problem in run.problems]


def export(
    store: Store,
    runs: Sequence[StoredRun],
    folder: Path,
    *,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Exported:
    """Write the pages of some runs to a folder, which is new, empty, or an earlier export.

    Args:
        progress: called with how many runs are written, and how many there are.

    Raises:
        UsageError: the folder holds something else.
        StoreError: it cannot be written.
    """
    _check_free(folder)
    with filled(folder, replace=True, flush=False) as scratch:
        writing = _Writing(store, ChosenRuns(store, runs), scratch)
        writing.write(progress)
    return Exported(folder, len(runs), tuple(writing.left_out))


def _check_free(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"{folder} is no folder", hint="name a new one")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).is_file():
        raise UsageError(
            f"{folder} holds files that are no export", hint="name a new folder, or an empty one"
        )


# Each is compared with every other.
_MOST_STATES = 12


class _Writing:
    """One export under way."""

    def __init__(self, store: Store, runs: ChosenRuns, folder: Path) -> None:
        self.left_out: list[str] = []
        self._folder = folder
        self._runs = runs
        self._store = store
        self._curves = Curves()
        self._site = Site(
            exported=True,
            store=paths.STORE,
            plotly=assets.plotly_version(),
            most_artifact=MOST_ARTIFACT,
        )

    def write(self, progress: Callable[[int, int], None]) -> None:
        for name in assets.names():
            self._copy(assets.STATIC / name, f"static/{name}")
        if (plotly := assets.plotly()) is not None:
            self._copy(plotly, f"static/{assets.PLOTLY}")
        everything = self._runs.all()
        self._data("runs", data.runs(self._runs, system=True))
        self._data("images", data.images(everything))
        for name, template in (("index", "runs"), ("compare", "compare")):
            self._page(f"{name}.html", template)
        self._code(everything)
        self._models()
        for done, run in enumerate(everything):
            progress(done, len(everything))
            self._run(run)

    def _run(self, run: StoredRun) -> None:
        shown = runpage.context(run, self._runs)
        self._page(f"run/{run.run_id}.html", "run", **shown)
        self._data(f"curves/{run.run_id}", data.curves_of(run, self._curves))
        for text in (shown["output"], shown["patch"], shown["requirements"]):
            if text is not None and text.cut:
                self._copy(run.local / text.name, f"file/{run.run_id}/{text.name}.txt")
        for file in artifactview.flat(shown["artifacts"]):
            if file.size > MOST_ARTIFACT:
                self.left_out.append(f"{run.run_id}/{file.path}")
                continue
            with suppress(NotFoundError):  # it was removed meanwhile
                place = artifactview.inside(run.artifacts, file.path)
                preview = artifactview.preview(place, file.path)
                self._copy(place, f"artifact/{run.run_id}/{file.path}")
                target = f"preview/{run.run_id}/{file.path}/index.html"
                self._page(target, "preview", run=run, shown=preview)

    def _code(self, runs: Sequence[StoredRun]) -> None:
        known, examples = data.code_states(runs)
        few = len(examples) <= _MOST_STATES
        self._data("code", {"runs": known, "compared": few})
        pairs = permutations(enumerate(examples), 2) if few else ()
        for (one, first), (other, second) in pairs:
            self._data(f"code/{one}-{other}", data.differing_code(first, second, self._runs))

    def _models(self) -> None:
        models, known = modelpage.models(self._store), self._runs.by_id()
        self._page("models.html", "models", models=models, known=known)
        for model in models:
            self._page(f"model/{model.folder}.html", "model", **modelpage.of(model, known))

    def _page(self, path: str, template: str, **context: Any) -> None:
        site = replace(self._site, root="../" * path.count("/"))
        html = pages.render(f"{template}.html", site, **context)
        self._put(path, html.encode("utf-8", "replace"))

    def _data(self, name: str, value: object) -> None:
        text = value if isinstance(value, str) else answers.to_text(value)
        self._put(f"data/{name}.js", f"gittrack.arrive({json.dumps(name)},{text});\n".encode())

    def _put(self, path: str, content: bytes) -> None:
        target = self._place(path)
        target.write_bytes(content)

    def _copy(self, source: Path, path: str) -> None:
        shutil.copyfile(source, self._place(path), follow_symlinks=False)

    def _place(self, path: str) -> Path:
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return target
