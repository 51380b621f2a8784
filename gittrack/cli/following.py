"""`gittrack watch` and `logs`: what runs do while they run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from gittrack import paths, search
from gittrack.cli import complete, options, render
from gittrack.cli.listing import runs_view
from gittrack.cli.render import Form, Table, View
from gittrack.errors import NotFoundError, UsageError
from gittrack.runs.reading import StoredRun, read_run
from gittrack.runs.record import RUNNING
from gittrack.runs.store import Store

_POLL_SECONDS = 0.2
_BLOCK = 1 << 20


def watch(
    filter_string: options.Filter = "",
    experiment: options.Experiments = None,
    spark: options.Spark = None,
    every: Annotated[
        float, typer.Option("-i", "--interval", metavar="SECONDS", help="Look again after so long.")
    ] = 2.0,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for runs that start later.")] = False,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Show the runs that are running and their metrics, until they end."""
    form = options.form(json=json, csv=csv, md=md)
    if not every > 0:
        raise UsageError(f"-i {every:g} is no time to wait", hint="such as -i 2")
    store = options.open_store()
    layout = options.layout(filter_string, [], [], spark or [], tree=False)
    seen: dict[str, None] = {}
    shown, lines = "", 0
    while True:
        runs = _running(store, filter_string, experiment, seen)
        going = any(run.state() == "running" for run in runs)
        view = runs_view(runs, (), now=time.time_ns() // 1_000_000, layout=layout)
        if form is not Form.TABLE:
            render.emit(view, form)
            return
        if (text := render.text_of(view) if runs else "") != shown:
            lines = render.redraw(text, lines)
            shown = text
        if not wait and not going:
            break
        time.sleep(every)
    if not seen:
        render.say(f"no run is running in {store.place}")
        render.say("--wait waits for the next one", kind="hint")


def _running(
    store: Store, filter_string: str, experiments: list[str] | None, seen: dict[str, None]
) -> list[StoredRun]:
    """Return the runs that are running, and those that were since the watch began."""
    among = ", ".join(f"'{run_id}'" for run_id in seen)
    wanted = f"status = '{RUNNING}'" + (f" or run_id in ({among})" if among else "")
    found = search.runs(
        store,
        experiments=experiments or None,
        filter_string=f"({filter_string}) and ({wanted})" if filter_string.strip() else wanted,
    ).runs
    # One that seems to be interrupted may have ended since it was read.
    again = (
        read_run(run.folder) if run.record.status == RUNNING and run.state() != "running" else run
        for run in found
    )
    runs = [run for run in again if run.run_id in seen or run.state() == "running"]
    seen.update(dict.fromkeys(run.run_id for run in runs))
    return runs


def logs(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="The run of a project.", autocompletion=complete.runs),
    ],
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until the run has ended.")
    ] = False,
    last: Annotated[
        int | None, typer.Option("-n", "--lines", metavar="N", help="Only the last N lines.")
    ] = None,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Show what a project printed, as it was kept in the run."""
    form = options.form(json=json, csv=csv, md=md)
    if last is not None and last < 0:
        raise UsageError(f"-n {last} is less than nothing", hint="such as -n 20")
    found = options.find_run(run)
    path = found.local / paths.OUTPUT_LOG
    if not path.is_file() and not (follow and found.state() == "running"):
        raise NotFoundError(
            f"run {found.run_id} has no {paths.OUTPUT_LOG}",
            hint="gittrack run PROJECT keeps what the project prints",
        )
    if form is Form.TABLE:
        for piece in _pieces(found, path, last=last, follow=follow):
            render.raw(piece)
        return
    text = b"".join(_pieces(found, path, last=last, follow=follow)).decode(errors="replace")
    lines = text.split("\n")[: -1 if text.endswith("\n") else None]
    data = {"run_id": found.run_id, "lines": lines}
    rows = Table(["line", "text"], [[at, line] for at, line in enumerate(lines, 1)])
    render.emit(View(kind="log", data=data, csv=rows, md=rows), form)


def _pieces(run: StoredRun, path: Path, *, last: int | None, follow: bool) -> Iterator[bytes]:
    at = _start(path, last)
    while True:
        # Asked before the file is read: what was printed before its end is there then.
        goes_on = follow and _is_running(run)
        with suppress(FileNotFoundError), path.open("rb") as file:
            if file.seek(0, 2) < at:  # it was removed and is written again
                at = 0
            file.seek(at)
            while piece := file.read(_BLOCK):
                at += len(piece)
                yield piece
        if not goes_on:
            return
        time.sleep(_POLL_SECONDS)


def _is_running(run: StoredRun) -> bool:
    return read_run(run.folder, run.tree).state() == "running"


def _start(path: Path, last: int | None) -> int:
    """Return where the last lines of a file begin."""
    if last is None:
        return 0
    with suppress(FileNotFoundError), path.open("rb") as file:
        end = file.seek(0, 2)
        at, missing = end, last
        while at > 0 and last:
            size = min(at, _BLOCK)
            at -= size
            file.seek(at)
            block = file.read(size)
            if at + size == end and block.endswith(b"\n"):
                missing += 1
            if block.count(b"\n") >= missing:
                for _ in range(missing):
                    block = block[: block.rindex(b"\n")]
                return at + len(block) + 1
            missing -= block.count(b"\n")
        return at
    return 0
