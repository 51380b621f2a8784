"""The web pages as a WSGI application."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from wsgiref.util import FileWrapper

from gittrack import paths
from gittrack.errors import GittrackError, NotFoundError, UsageError
from gittrack.ui import answers, artifactview, assets, data, editing, modelpage, pages, runpage
from gittrack.ui.answers import Answer
from gittrack.ui.curves import BUCKETS
from gittrack.ui.pages import Site
from gittrack.ui.views import View, Views

if TYPE_CHECKING:
    from gittrack.runs.reading import StoredRun
    from gittrack.runs.store import Store
    from gittrack.ui.guard import Environ, Guard

_MOST_BODY = 1 << 20
_MOST_RUNS = 200
_OWN_FILES = (paths.OUTPUT_LOG, paths.SOURCE_PATCH, paths.REQUIREMENTS, paths.RUN_JSON)
_log = logging.getLogger(__name__)

Query = Mapping[str, str]


class PagesApp:
    """The pages of one store. Safe to call from several threads."""

    def __init__(self, store: Store, *, guard: Guard) -> None:
        self.views = Views(store)
        self.guard = guard

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        answer = answers.packed(answers.tagged(self._safely(environ), environ), environ)
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            **answer.headers,
        }
        body: Iterable[bytes] = [answer.body]
        length = len(answer.body)
        sent = environ["REQUEST_METHOD"] != "HEAD"
        if answer.path is not None:
            length = answer.path.stat().st_size
            if sent:
                body = environ.get("wsgi.file_wrapper", FileWrapper)(answer.path.open("rb"))
        if answer.status is not HTTPStatus.NOT_MODIFIED:
            headers |= {"Content-Type": answer.content_type, "Content-Length": str(length)}
        start_response(f"{answer.status.value} {answer.status.phrase}", list(headers.items()))
        return body if sent else []

    def _safely(self, environ: Environ) -> Answer:
        path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        wants_page = not path.startswith(("/data/", "/edit"))
        try:
            if reason := self.guard.refusal(environ):
                return Answer(reason.encode(), answers.TEXT, HTTPStatus.FORBIDDEN)
            return self._answer(environ, path)
        except GittrackError as error:
            found = not isinstance(error, NotFoundError)
            status = HTTPStatus.BAD_REQUEST if found else HTTPStatus.NOT_FOUND
            message, hint = error.message, error.hint
        except Exception:  # noqa: BLE001 - waitress would answer with a page of its own
            incident = paths.random_text(12)
            _log.exception("a page failed, incident %s", incident)
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            message, hint = "this page failed", f"the server's log says why under {incident}"
        if not wants_page:
            return answers.data({"error": message, "hint": hint}, status)
        site = replace(self._site(environ, {}), root=_root(path))
        html = pages.render("problem.html", site, message=message, hint=hint, status=status)
        return answers.page(html, status)

    def _answer(self, environ: Environ, path: str) -> Answer:
        parsed = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        query = {name: values[-1] for name, values in parsed.items()}
        if environ["REQUEST_METHOD"] == "POST" and path == "/edit":
            return self._edit(environ)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return Answer(b"", answers.TEXT, HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD"})
        site = replace(self._site(environ, query), root=_root(path))
        kind, _, rest = path.lstrip("/").partition("/")
        if not rest:
            return self._top(kind, site)
        run_id, _, inner = rest.partition("/")
        if kind == "static":
            return _asset(rest)
        view = self.views.at(site.revision)
        if kind == "data":
            return self._data(rest, query, view)
        if kind == "run":
            run = view.runs.find(rest.removesuffix(".html"))
            return answers.page(pages.render("run.html", site, **runpage.context(run, view.runs)))
        if kind == "model":
            folder = rest.removesuffix(".html")
            shown = modelpage.context(view.runs.store, folder, view.runs.by_id())
            return answers.page(pages.render("model.html", site, **shown))
        if kind in ("artifact", "frame", "preview", "file"):
            return self._of_run(kind, view.runs.find(run_id), inner, site)
        raise NotFoundError(f"there is no page {path!r}")

    def _site(self, environ: Environ, query: Query) -> Site:
        revision = query.get("rev", "")
        editable = self.guard.may_edit(environ) and not revision
        return Site(
            token=self.guard.token if editable else "",
            store=str(self.views.store.root),
            revision=revision,
            plotly=assets.plotly_version(),
            revisions=self.views.revisions,
        )

    def _top(self, name: str, site: Site) -> Answer:
        if name == "favicon.ico":
            return _asset("icon.svg")
        if name == "models.html":
            runs = self.views.at(site.revision).runs
            shown = {"models": modelpage.models(runs.store), "known": runs.by_id()}
            return answers.page(pages.render("models.html", site, **shown))
        known = {"": "runs", "index.html": "runs", "compare.html": "compare"}
        if name not in known:
            raise NotFoundError(f"there is no page {name!r}")
        return answers.page(pages.render(f"{known[name]}.html", site))

    def _of_run(self, kind: str, run: StoredRun, path: str, site: Site) -> Answer:
        if kind == "file":
            if path not in _OWN_FILES:
                raise NotFoundError(f"there is no file {path!r} to show")
            return answers.text(artifactview.inside(run.local, path))
        file = artifactview.inside(run.artifacts, path)
        if kind == "preview":
            shown = artifactview.preview(file, path)
            return answers.page(pages.render("preview.html", site, run=run, shown=shown))
        return answers.artifact(file, framed=kind == "frame")

    def _data(self, name: str, query: Query, view: View) -> Answer:
        runs = view.runs
        ids = [one for one in query.get("runs", query.get("ids", "")).split(",") if one]
        if name == "runs.json":
            since = _integer(query.get("since", "0"))
            if not since and not ids:
                return answers.data(view.everything())
            return answers.data(data.runs(runs, since=since, ids=ids))
        if name == "matches.json":
            return answers.data(data.matches(runs, query.get("filter", "")))
        if name == "committed.json":
            return answers.data(data.committed(runs))
        if name == "code.json":
            first, second = (runs.find(query.get(side, "")) for side in ("first", "second"))
            return answers.data(data.differing_code(first, second, runs))
        chosen = [runs.find(one) for one in ids[:_MOST_RUNS]]
        if name == "curves.json":
            metric = query.get("metric", "")
            buckets = _integer(query.get("buckets", "")) or BUCKETS
            return answers.data(data.curve_of_each(chosen, metric, view.curves, buckets=buckets))
        if name == "images.json":
            return answers.data(data.images(chosen))
        if name.startswith("curves/"):
            run = runs.find(name.removeprefix("curves/").removesuffix(".json"))
            return answers.data(data.curves_of(run, view.curves))
        raise NotFoundError(f"there is no data {name!r}")

    # -- edits

    def _edit(self, environ: Environ) -> Answer:
        if reason := self.guard.edit_refusal(environ):
            return answers.data({"error": reason, "hint": ""}, HTTPStatus.FORBIDDEN)
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > _MOST_BODY:
            raise UsageError("the edit is too large")
        try:
            asked = json.loads(environ["wsgi.input"].read(int(length)))
        except (ValueError, RecursionError):
            raise UsageError("the edit is no JSON") from None
        done = editing.apply(asked, self.views.live)
        self.views.live.forget_age()
        return answers.data({"done": done})


def _asset(name: str) -> Answer:
    if assets.path_of(name) is None:
        raise NotFoundError(f"there is no script {name!r}")
    return answers.asset(assets.compressed(name), name)


def _root(path: str) -> str:
    return "../" * (path.count("/") - 1)


def _integer(text: str) -> int:
    return int(text) if text.isdecimal() and text.isascii() else 0
