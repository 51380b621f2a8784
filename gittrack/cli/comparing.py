"""`gittrack diff`: what differs between runs, revisions and the working tree."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from gittrack import compare, paths, settings
from gittrack.cli import complete, options, render
from gittrack.cli.differences import contents_tables, diff_view, many_view, revisions_view
from gittrack.cli.render import Form, View
from gittrack.compare.branches import compare_revisions
from gittrack.compare.difference import Difference
from gittrack.compare.many import compare_many
from gittrack.errors import NotComparableError, NotFoundError, UsageError
from gittrack.git import state
from gittrack.runs import provenance
from gittrack.runs.reading import StoredRun
from gittrack.runs.record import FINISHED, RunRecord
from gittrack.runs.store import Store

_TWO = 2

Names = Annotated[
    list[str],
    typer.Argument(
        metavar="A [B...]",
        help="Runs, REV:RUN for those of a revision; or two revisions.",
        autocompletion=complete.runs,
    ),
]


def _part(word: str, of: str) -> object:
    return typer.Option(f"--{word}", help=f"Only {of}; can be combined.")


def diff(
    names: Names,
    working: Annotated[
        bool, typer.Option("-w", "--working", help="Compare A with the working tree.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="What is the same too.")] = False,
    params: Annotated[bool, _part("params", "the params")] = False,
    metrics: Annotated[bool, _part("metrics", "the metrics")] = False,
    tags: Annotated[bool, _part("tags", "the tags")] = False,
    code: Annotated[bool, _part("code", "the code, with a patch")] = False,
    env: Annotated[bool, _part("env", "the environment")] = False,
    data: Annotated[bool, _part("data", "the datasets")] = False,
    models: Annotated[bool, _part("models", "the models")] = False,
    artifacts: Annotated[bool, _part("artifacts", "the artifacts, with their contents")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 where anything differs.")
    ] = False,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Show what differs between runs, or the runs of two revisions, and only that."""
    form = options.form(json=json, csv=csv, md=md)
    chosen = {
        "params": params,
        "metrics": metrics,
        "tags": tags,
        "code": code,
        "environment": env,
        "datasets": data,
        "models": models,
        "artifacts": artifacts,
    }
    parts = [part for part, wanted in chosen.items() if wanted]
    store = options.open_store()
    pair = _revisions(store, names, working=working)
    if pair is not None:
        _show_revisions(store, pair, form, everything=everything, exit_code=exit_code)
        return
    if working and not parts:
        parts = ["code", "environment"]
    if len(names) > _TWO:
        _show_many([options.find_run(name) for name in names], form, parts, everything=everything)
        return
    runs = [options.find_run(name) for name in names]
    with tempfile.TemporaryDirectory(prefix="gittrack-") as scratch:
        second = _working_tree(runs[0], store, Path(scratch)) if working else runs[1]
        found = compare.compare(
            runs[0], second, store, everything=everything, patch=code or form is Form.JSON
        )
    found = found.only(parts)
    view = diff_view(found, now=_now())
    if artifacts:
        view = replace(view, tables=[*view.tables, *contents_tables(found.artifacts)])
    _show(found, view, form, parts, everything=everything)
    _end(found, exit_code=exit_code)


def _revisions(store: Store, names: list[str], *, working: bool) -> tuple[str, str] | None:
    """Return the two revisions that are to be compared; None where runs are."""
    if working and len(names) > 1:
        raise UsageError("-w compares one run with the working tree", hint="name one run")
    if len(names) == 1 and not working:
        first, dots, second = names[0].partition("..")
        if dots:
            return first or "HEAD", second.lstrip(".") or "HEAD"
        raise UsageError(
            f"{names[0]!r} is compared with what?",
            hint="name another run, or -w for the working tree",
        )
    if len(names) > _TWO or not _are_revisions(store, names):
        return None
    return names[0], "" if working else names[1]


def _are_revisions(store: Store, names: list[str]) -> bool:
    kinds = {name: _kind(store, name) for name in names}
    if "run" in kinds.values() or "revision" not in kinds.values():
        return False
    for name, kind in kinds.items():
        if kind == "neither":
            raise NotFoundError(
                f"{name!r} is neither a run nor a revision",
                hint="gittrack ls shows the runs there are, git branch -a the branches",
            )
    return True


def _kind(store: Store, name: str) -> Literal["run", "revision", "neither"]:
    try:
        options.find_run(name)
    except NotFoundError:
        root = next((path for path in (store.root, *store.root.parents) if path.is_dir()), None)
        return "revision" if root is not None and state.is_commit(name, root) else "neither"
    return "run"


def _working_tree(run: StoredRun, store: Store, folder: Path) -> StoredRun:
    """Return the present code and environment as another such run would record them."""
    here = settings.working_folder()
    code = state.capture(here, store=store.root)
    patch = code.patch if code else None
    (folder / paths.SOURCE_PATCH).write_bytes(patch.data if patch else b"")
    (folder / paths.REQUIREMENTS).write_bytes(provenance.requirements())
    record = RunRecord(
        run_id="working tree",
        name="",
        experiment="",
        status=FINISHED,
        start_time=_now(),
        # Where nothing says otherwise, it would be run as the run was.
        source={**run.record.source, "git": code.to_json() if code else {}},
        python=provenance.python_version(),
        platform=provenance.platform(),
    )
    return StoredRun(folder, record)


def _show(found: Difference, view: View, form: Form, parts: list[str], *, everything: bool) -> None:
    shown = found or everything or form is not Form.TABLE
    render.emit(view if shown else replace(view, tables=()), form)
    if not found:
        ids = f"{found.first.run_id} and {found.second.run_id}"
        words = [*(parts or compare.PARTS)]
        what = " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
        doubt = ", as far as they could be read" if found.problems else ""
        render.say(f"{ids} are the same in {what}{doubt}")
    if found.unknown:
        render.say(f"which files differ is not known: {found.unknown}")


def _end(found: Difference, *, exit_code: bool) -> None:
    if found and exit_code:
        raise typer.Exit(1)
    if found.problems and exit_code:
        raise NotComparableError(
            f"{found.first.run_id} and {found.second.run_id} could not be compared in full",
            hint="check the rights of what is named above",
        )


def _show_many(runs: list[StoredRun], form: Form, parts: list[str], *, everything: bool) -> None:
    found = compare_many(runs, everything=everything, parts=parts)
    render.emit(many_view(found, now=_now()), form)
    if not found.rows:
        render.say("they are the same")


def _show_revisions(
    store: Store, pair: tuple[str, str], form: Form, *, everything: bool, exit_code: bool
) -> None:
    found = compare_revisions(store, *pair, everything=everything)
    render.emit(revisions_view(found, now=_now()), form)
    if not found:
        render.say(f"{pair[0]} and {pair[1] or 'the store here'} hold the same runs")
    if found.undirected:
        names = ", ".join(found.undirected[:5])
        render.say(f'no best is told of {names}: [tool.gittrack.metrics] may say "min" or "max"')
    if found and exit_code:
        raise typer.Exit(1)


def _now() -> int:
    return time.time_ns() // 1_000_000
