"""The templates, and the links between pages.

A page lies at the same place whether it is served or exported, so that all links are relative:
`index.html`, `compare.html`, `models.html`, `run/ID.html`, `preview/…`, `artifact/…`, `data/…`,
`static/…`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from gittrack.ui import words
from gittrack.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Site:
    """What all pages of one look have in common.

    Attributes:
        root: how a page gets to the folder of the first page: "", "../", …
        revision: the Git revision that is looked at, "" for the working tree.
        token: what edits have to be sent with; "" where nothing can be edited.
        exported: whether the pages are files.
        store: the folder of the runs, as it is shown.
        plotly: the version of plotly.js that there is, "" for none.
        most_artifact: the size in bytes past which artifacts are not among the files.
        revisions: returns the revisions to choose from.
    """

    root: str = ""
    revision: str = ""
    token: str = ""
    exported: bool = False
    store: str = ""
    plotly: str = ""
    most_artifact: int | None = None
    revisions: Callable[[], Sequence[str]] = tuple

    def page(self, name: str) -> str:
        """Return the link to a page."""
        return self._at(f"{name}.html")

    def run(self, run_id: str) -> str:
        """Return the link to a run's page."""
        return self._at(f"run/{quote(run_id)}.html")

    def model(self, folder: str) -> str:
        """Return the link to a registered model's page."""
        return self._at(f"model/{quote(folder)}.html")

    def artifact(self, run_id: str, path: str) -> str:
        """Return the link to an artifact itself."""
        return self._at(f"artifact/{quote(run_id)}/{quote(path)}")

    def frame(self, run_id: str, path: str) -> str:
        """Return the link to an HTML artifact as it is framed."""
        kind = "artifact" if self.exported else "frame"
        return self._at(f"{kind}/{quote(run_id)}/{quote(path)}")

    def preview(self, run_id: str, path: str) -> str:
        """Return the link to the page that shows an artifact."""
        # A folder for each file: `a` and `a.html/b` must not want the same place.
        suffix = "/index.html" if self.exported else ""
        return self._at(f"preview/{quote(run_id)}/{quote(path)}{suffix}")

    def file(self, run_id: str, name: str) -> str:
        """Return the link to one of a run's own files, such as its output."""
        suffix = ".txt" if self.exported else ""
        return self._at(f"file/{quote(run_id)}/{quote(name)}{suffix}")

    def static(self, name: str) -> str:
        """Return the link to a script or style sheet."""
        version = "" if self.exported else f"?v={VERSION}"
        return f"{self.root}static/{name}{version}"

    def _at(self, path: str) -> str:
        query = f"?{urlencode({'rev': self.revision})}" if self.revision else ""
        return f"{self.root}{path}{query}"


def render(template: str, site: Site, **context: Any) -> str:
    """Return a page as HTML; every value is escaped where it is put in."""
    page = _environment().get_template(template)
    return page.render(site=site, version=VERSION, **context)


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": words.number,
        "size": words.size,
        "duration": words.duration,
        "moment": words.moment,
    }
    return environment
