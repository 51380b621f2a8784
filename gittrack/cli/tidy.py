"""`gittrack gc` and `doctor`: remove for good what was deleted, and tell what is not well."""

from __future__ import annotations

from typing import Annotated

import typer

from gittrack import checkup, search, tidying
from gittrack.cli import cells, complete, options, render
from gittrack.cli.cells import Cell, Style
from gittrack.cli.render import Form, Table, Value, View
from gittrack.errors import GittrackError, UsageError
from gittrack.runs.store import Store
from gittrack.tidying import Plan

_STYLES: dict[checkup.State, Style] = {"good": "good", "note": "busy", "bad": "bad"}


def gc(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...",
            help="Only these deleted runs.",
            show_default=False,
            autocompletion=complete.runs,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Remove it for good.")] = False,
    days: Annotated[
        float, typer.Option("--older-than", metavar="DAYS", help="Only runs that began before.")
    ] = 0,
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Show what was deleted and takes up room; --yes removes it for good."""
    form = options.form(json=json, csv=csv, md=md)
    if not days >= 0:
        raise UsageError(f"--older-than {days:g} is less than nothing", hint="such as 30")
    store = options.open_store()
    plan = tidying.plan(store, chosen=[search.find(store, name) for name in runs or ()], days=days)
    if yes:
        plan = tidying.carry_out(store, plan)
    render.emit(_gc_view(plan, removed=yes), form)
    count, size = len(plan.removable), sum(item.size for item in plan.removable)
    left = len(plan.leftovers)
    what = f"{count} run{'s' * (count != 1)} ({cells.size(size).text})"
    what += f" and {left} leftover{'s' * (left != 1)} of killed processes" if left else ""
    if not count and not left and not plan.experiments:
        render.say("there is nothing to remove")
    elif yes:
        render.say(f"removed {what}", kind="done")
    else:
        render.say(f"would remove {what}; gittrack gc --yes does, for good")


def _gc_view(plan: Plan, *, removed: bool) -> View:
    rows: list[list[Value]] = [
        [run.run_id, run.record.name, run.record.experiment, cells.size(size), kept]
        for run, size, kept in plan.runs
    ]
    table = Table(["run", "name", "experiment", "size", "stays, as"], rows)
    names = ("run_id", "name", "experiment", "size", "kept")
    data = {
        "removed": removed,
        "runs": [
            dict(zip(names, (*row[:3], item.size, item.kept or None), strict=True))
            for row, item in zip(rows, plan.runs, strict=True)
        ],
        "leftovers": [str(path) for path in plan.leftovers],
        "experiments": [path.name for path in plan.experiments],
    }
    tables = [table] if rows else []
    return View(kind="gc", data=data, tables=tables, problems=plan.problems, csv=table)


def doctor(
    json: options.Json = False,
    csv: options.Csv = False,
    md: options.Md = False,
) -> None:
    """Tell what is not well here, and what mends it."""
    form = options.form(json=json, csv=csv, md=md)
    try:
        found = list(checkup.checks(Store.open()))
    except GittrackError as error:  # where the store is, is a part of the configuration
        found = [checkup.Check("configuration", "bad", error.message, error.hint)]
    rows: list[list[Value]] = [
        [check.name, Cell(check.state, style=_STYLES[check.state]), check.found, check.hint]
        for check in found
    ]
    table = Table(["", "", "found", "what mends it"], rows)
    named = Table(["name", "state", "found", "hint"], rows)
    data = [check._asdict() for check in found]
    render.emit(View(kind="checkup", data=data, tables=[table], csv=named, md=named), form)
    bad = sum(check.state == "bad" for check in found)
    if form is Form.TABLE and not bad:
        render.say("nothing is wrong", kind="done")
    if bad:
        raise typer.Exit(1)
